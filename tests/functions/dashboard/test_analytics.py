"""The Dashboard's analytics, computed from counters alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from functions.dashboard.main import blueprints
from infra.bench.counting import Cost, CountingStore
from shared.deps import Deps
from shared.documents import ids
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.analytics import Counters
from shared.domain.instances import ChannelType, InstanceStatus
from shared.errors import StoreError
from shared.ports.store import Create, Ref
from shared.usecases.reporting import counters
from shared.usecases.reporting.analytics import instance_counters
from shared.usecases.reporting.rollups import roll_up
from tests import refs
from tests.apps import create_app
from tests.documents import an_instance
from tests.functions.dashboard.golden import golden
from tests.functions.keys import key_for
from tests.overlaps import overlaps

NOW = datetime(2026, 11, 21, 10, 32, tzinfo=UTC)

Count = Callable[..., None]
At = Callable[..., FlaskClient]


@pytest.fixture
def count(deps: Deps) -> Count:
    """Raise counters of the default tenant, `ago` before NOW."""

    def raise_(
        ago: timedelta = timedelta(), channel: str = "whatsapp", conversation: str = "c", **amounts: Any
    ) -> None:
        tenant_id = amounts.pop("tenant_id", deps.settings.default_tenant_id)
        instance_id = amounts.pop("instance_id", f"{channel}-instance")
        unit = UnitOfWork(deps.store)
        source = counters.Source(tenant_id, instance_id, ChannelType(channel), conversation)
        counters.count(unit, source, NOW - ago, Counters(**amounts))
        unit.commit()

    return raise_


@pytest.fixture
def at(deps: Deps) -> At:
    """The dialect's client at some moment."""

    def client(moment: datetime = NOW) -> FlaskClient:
        return create_app(replace(deps, now=lambda: moment), blueprints()).test_client()

    return client


def _get(client: FlaskClient, path: str, **headers: str) -> Any:
    answer = client.get(f"/analytics/{path}", headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json


def _connect(deps: Deps, id_: str, status: InstanceStatus = InstanceStatus.CONNECTED) -> None:
    tenant = deps.settings.default_tenant_id
    instance = an_instance("whatsapp_evolution", id=id_, tenant_id=tenant, slug=id_, name=id_, status=status)
    deps.store.commit([Create(refs.instance(id_), instance.model_dump())])


def test_an_empty_hub_shows_zeros_and_nothing_else(deps: Deps, at: At) -> None:
    _connect(deps, "only")
    assert _get(at(), "dashboard") == {
        "totalSessions": 0,
        "activeChannels": 1,
        "responseTime": 0,
        "satisfactionScore": 0,
        "channelMetrics": {},
        "trends": [],
    }
    assert _get(at(), "channel-performance?channel=whatsapp") == {
        "channel": "whatsapp",
        "timeRange": "7d",
        "metrics": {"totalSessions": 0, "avgResponseTime": 0, "resolutionRate": 0, "customerSatisfaction": 0},
        "hourlyData": [],
    }
    nothing = {"overallScore": 0, "totalResponses": 0, "byChannel": {}, "trends": []}
    assert _get(at(), "customer-satisfaction") == nothing


def test_the_dashboard_is_as_printed(deps: Deps, at: At, count: Count) -> None:
    for number in range(6):
        _connect(deps, f"i{number}")
    _connect(deps, "off", InstanceStatus.DISCONNECTED)
    count(sessions=15, inbound=80, outbound=70, replies=10, reply_seconds=18, ratings=5, rating_sum=21)
    count(channel="voice", sessions=8, calls=8, call_seconds=14_400, quality_count=2, quality_sum=9)
    count(timedelta(hours=1), channel="sms", sessions=22, inbound=25, replies=10, reply_seconds=28)
    printed, response = golden("analytics_dashboard_response"), _get(at(), "dashboard")
    assert list(response) == list(printed)
    sms = response["channelMetrics"].pop("sms")
    assert sms == {"sessions": 22, "messages": 25, "avg_response_time": 2.8}
    assert {name: response[name] for name in response if name != "trends"} == {
        name: printed[name] for name in printed if name != "trends"
    }
    assert list(response["trends"][0]) == list(printed["trends"][0])
    assert response["trends"][-2:] == [
        {"timestamp": "2026-11-21T09:00:00Z", "sessions": 22, "messages": 25},
        {"timestamp": "2026-11-21T10:00:00Z", "sessions": 23, "messages": 150},
    ]


@pytest.mark.parametrize(
    ("range_", "number", "first", "last"),
    [
        ("1h", 13, "2026-11-21T09:30:00Z", "2026-11-21T10:30:00Z"),
        ("24h", 25, "2026-11-20T10:00:00Z", "2026-11-21T10:00:00Z"),
        ("7d", 8, "2026-11-14T00:00:00Z", "2026-11-21T00:00:00Z"),
        ("30d", 31, "2026-10-22T00:00:00Z", "2026-11-21T00:00:00Z"),
    ],
)
def test_buckets_have_no_gaps_and_add_up(at: At, count: Count, range_: str, number: int, first: str, last: str) -> None:
    count(timedelta(minutes=50), sessions=1, inbound=2)
    count(sessions=2, inbound=1)
    response = _get(at(), f"dashboard?range={range_}")
    points = response["trends"]
    assert (len(points), points[0]["timestamp"], points[-1]["timestamp"]) == (number, first, last)
    assert sum(point["sessions"] for point in points) == response["totalSessions"] == 3
    assert sum(point["messages"] for point in points) == 3


@pytest.mark.parametrize(
    ("range_", "long", "at_most_longer"),
    [
        ("1h", timedelta(hours=1), timedelta(minutes=5)),
        ("24h", timedelta(hours=24), timedelta(hours=1)),
        ("7d", timedelta(days=7), timedelta(hours=1)),
        ("30d", timedelta(days=30), timedelta(hours=1)),
    ],
)
@pytest.mark.parametrize("clock", [(0, 0), (0, 5), (10, 32), (23, 59)])
@pytest.mark.parametrize("rolled_up", [False, True])
def test_a_range_reaches_back_as_far_as_it_says(
    at: At,
    count: Count,
    range_: str,
    long: timedelta,
    at_most_longer: timedelta,
    clock: tuple[int, int],
    rolled_up: bool,
) -> None:
    moment = NOW.replace(hour=clock[0], minute=clock[1])
    count(NOW - moment + long - timedelta(minutes=1), sessions=1)
    count(NOW - moment + long + at_most_longer, conversation="older", sessions=10)
    if rolled_up or long > timedelta(hours=24):
        roll_up_at(at, moment)
    assert _get(at(moment), f"dashboard?range={range_}")["totalSessions"] == 1
    hours = _get(at(moment), f"channel-performance?range={range_}")["hourlyData"]
    assert sum(hour["sessions"] for hour in hours) == 1
    assert datetime.fromisoformat(hours[-1]["timestamp"]) == moment.replace(minute=0)


@pytest.mark.parametrize("path", ["dashboard", "channel-performance", "customer-satisfaction"])
@pytest.mark.parametrize("range_", ["2h", "1H", "30"])
def test_another_range_is_refused(at: At, path: str, range_: str) -> None:
    answer: Any = at().get(f"/analytics/{path}?range={range_}")
    assert (answer.status_code, type(answer.json["detail"])) == (400, str)


def test_channel_performance_is_as_printed(at: At, count: Count) -> None:
    count(timedelta(hours=5), sessions=55, resolved=47, replies=2, reply_seconds=3.6, ratings=5, rating_sum=21)
    count(channel="sms", sessions=9)
    printed = golden("analytics_channel_performance_response")
    response = _get(at(), "channel-performance?channel=whatsapp&range=7d")
    assert list(response) == list(printed)
    assert response["metrics"] == printed["metrics"] | {"totalSessions": 55}
    assert list(response["metrics"]) == list(printed["metrics"])
    hours = response["hourlyData"]
    assert (len(hours), hours[0]["timestamp"]) == (7 * 24 + 1, "2026-11-14T10:00:00Z")
    assert hours[-1]["timestamp"] == "2026-11-21T10:00:00Z"
    assert [hour["timestamp"] for hour in hours if hour["sessions"]] == ["2026-11-21T05:00:00Z"]
    assert _get(at(), "channel-performance")["metrics"]["totalSessions"] == 64
    assert _get(at(), "channel-performance?channel=all") == _get(at(), "channel-performance?channel=&range=")
    assert _get(at(), "channel-performance?channel=all")["channel"] == "all"
    assert at().get("/analytics/channel-performance?channel=pigeon").status_code == 400


def test_the_widget_is_called_chat(at: At, count: Count) -> None:
    count(channel="widget", sessions=1)
    assert list(_get(at(), "dashboard")["channelMetrics"]) == ["chat"]
    assert _get(at(), "channel-performance?channel=chat")["metrics"]["totalSessions"] == 1


def test_the_quality_of_calls_is_how_customers_rated_them(deps: Deps, at: At, count: Count) -> None:
    count(channel="voice", calls=2, ratings=2, rating_sum=9)
    count(channel="whatsapp", ratings=1, rating_sum=1)
    assert _get(at(), "dashboard")["channelMetrics"]["voice"]["quality_score"] == 4.5


def test_customer_satisfaction_is_as_printed(at: At, count: Count) -> None:
    count(ratings=60, rating_sum=258)
    count(channel="voice", ratings=40, rating_sum=164)
    count(timedelta(days=2), channel="widget", ratings=20, rating_sum=80)
    count(channel="sms", sessions=1)
    printed = golden("analytics_customer_satisfaction_response")
    roll_up_at(at, NOW)
    response = _get(at(), "customer-satisfaction")
    assert list(response) == list(printed)
    points = response.pop("trends")
    assert response == {name: value for name, value in printed.items() if name != "trends"}
    assert len(points) == 31
    assert points[-3:] == [
        {"timestamp": "2026-11-19T00:00:00Z", "score": 4.0, "responses": 20},
        {"timestamp": "2026-11-20T00:00:00Z", "score": 0, "responses": 0},
        {"timestamp": "2026-11-21T00:00:00Z", "score": 4.2, "responses": 100},
    ]


def roll_up_at(at: At, moment: datetime) -> int:
    return roll_up(at(moment).application.extensions["hub"])


def test_rolled_up_days_and_live_hours_are_counted_once(at: At, count: Count) -> None:
    for days in range(40):
        count(timedelta(days=days), sessions=1, inbound=1)
    count(timedelta(hours=4), sessions=1)
    before = _get(at(), "dashboard?range=24h")
    assert before["totalSessions"] == 3
    assert roll_up_at(at, NOW) > 0
    assert _get(at(), "dashboard?range=24h") == before
    month = _get(at(), "dashboard?range=30d")
    assert (month["totalSessions"], [point["sessions"] for point in month["trends"]]) == (32, [1] * 30 + [2])
    week = _get(at(), "dashboard?range=7d")
    assert week["totalSessions"] == 9


def test_rolling_up_again_changes_nothing_and_takes_late_counts(at: At, count: Count) -> None:
    count(timedelta(days=1), sessions=1)
    assert roll_up_at(at, NOW) == 1
    assert roll_up_at(at, NOW + timedelta(minutes=5)) == 0
    count(timedelta(days=1), sessions=1)
    assert _get(at(), "dashboard?range=7d")["totalSessions"] == 1
    roll_up_at(at, NOW + timedelta(hours=1))
    assert _get(at(), "dashboard?range=7d")["totalSessions"] == 2
    roll_up_at(at, NOW + timedelta(hours=2))
    assert _get(at(), "dashboard?range=7d")["totalSessions"] == 2


def test_more_counters_than_a_page_holds_are_all_counted_before_and_after_they_are_rolled_up(
    deps: Deps, at: At
) -> None:
    tenant_id, yesterday = deps.settings.default_tenant_id, NOW - timedelta(days=1)
    unit = UnitOfWork(deps.store)
    for number in range(520):
        source = counters.Source(tenant_id, f"i{number}", ChannelType.WHATSAPP, "c")
        counters.count(unit, source, yesterday, Counters(sessions=1))
    unit.commit()
    assert _get(at(), "dashboard?range=7d")["totalSessions"] == 520
    assert roll_up_at(at, NOW) == 1
    assert _get(at(), "dashboard?range=7d")["totalSessions"] == 520


def test_what_one_process_rolls_up_no_other_does(deps: Deps, count: Count) -> None:
    count(timedelta(days=1), sessions=1)
    here, others = replace(deps, now=lambda: NOW), list[int]()
    overlaps(deps).store.after_read("stats", lambda: others.append(roll_up(here)))
    assert (roll_up(here), others) == (1, [0])


@pytest.mark.parametrize("earlier", [[], [NOW - timedelta(hours=1)]], ids=["the first pass", "a later one"])
def test_of_two_processes_that_begin_to_roll_up_at_once_one_does(
    deps: Deps, at: At, count: Count, earlier: list[datetime]
) -> None:
    count(timedelta(days=1), sessions=1)
    for moment in earlier:
        roll_up_at(at, moment)
    here, others = replace(deps, now=lambda: NOW), list[int]()
    overlaps(deps).store.before_commit(Ref("counters", ids.ROLL_UP), lambda: others.append(roll_up(here)))
    assert (roll_up(here), others) == (0, [1])


def test_what_a_dead_process_began_to_roll_up_another_does_after_some_minutes(deps: Deps, at: At, count: Count) -> None:
    count(timedelta(days=1), sessions=1)

    def die() -> None:
        raise StoreError("the process died")

    overlaps(deps).store.after_read("stats", die)
    with pytest.raises(StoreError):
        roll_up_at(at, NOW)
    assert [roll_up_at(at, NOW + timedelta(minutes=minutes)) for minutes in (9, 11)] == [0, 1]


def test_after_a_standstill_no_day_is_missing(at: At, count: Count) -> None:
    roll_up_at(at, NOW - timedelta(days=6))
    for days in range(6):
        count(timedelta(days=days), sessions=1)
    roll_up_at(at, NOW)
    assert _get(at(), "dashboard?range=7d")["totalSessions"] == 6


@pytest.mark.parametrize("hours", range(0, 26, 5))
def test_at_any_hour_everything_is_there_with_and_without_a_fresh_roll_up(at: At, count: Count, hours: int) -> None:
    for ago in range(30):
        count(timedelta(hours=ago), conversation=str(ago), sessions=1)
    moment = NOW + timedelta(hours=hours)
    first = _get(at(moment), "dashboard?range=24h")["totalSessions"]
    roll_up_at(at, NOW)
    second = _get(at(moment), "dashboard?range=24h")["totalSessions"]
    roll_up_at(at, moment)
    assert [first, second, _get(at(moment), "dashboard?range=24h")["totalSessions"]] == [max(0, 25 - hours)] * 3


def test_an_old_count_can_still_be_corrected(deps: Deps, at: At, count: Count) -> None:
    long_ago = NOW - timedelta(days=9)
    count(timedelta(days=9), ratings=1, rating_sum=1)
    roll_up_at(at, NOW)
    tenant_id = deps.settings.default_tenant_id
    unit = UnitOfWork(deps.store)
    source = counters.Source(tenant_id, "whatsapp-instance", ChannelType.WHATSAPP, "c")
    counters.correct(unit, source, long_ago, NOW, Counters(rating_sum=4))
    unit.commit()
    assert _get(at(), "customer-satisfaction")["overallScore"] == 5


def test_each_instance_has_its_own_counters(deps: Deps, at: At, count: Count) -> None:
    count(timedelta(days=3), instance_id="a", inbound=2, outbound=1, replies=2, reply_seconds=5)
    count(instance_id="a", inbound=1)
    count(instance_id="b", inbound=7)
    count(instance_id="a", inbound=100, tenant_id="other")
    roll_up_at(at, NOW)
    now = replace(deps, now=lambda: NOW)
    counted = instance_counters(now, deps.settings.default_tenant_id, ["a", "none"])
    assert {id_: (each.messages, each.response_time) for id_, each in counted.items()} == {
        "a": (4, 2.5),
        "none": (0, 0.0),
    }


def test_another_tenant_sees_nothing_of_it(deps: Deps, at: At, count: Count) -> None:
    count(sessions=1, ratings=1, rating_sum=5)
    roll_up_at(at, NOW)
    stranger = key_for(deps, "other")
    assert _get(at(), "dashboard?range=30d", **stranger)["totalSessions"] == 0
    assert _get(at(), "customer-satisfaction", **stranger)["totalResponses"] == 0


def test_the_cost_of_the_dashboard_does_not_grow_with_the_messages(deps: Deps, at: At, count: Count) -> None:
    def cost() -> Cost:
        counting = CountingStore(deps.store)
        seen = replace(deps, store=counting, now=lambda: NOW)
        _get(create_app(seen, blueprints()).test_client(), "dashboard?range=30d")
        return counting.spent

    for hours in range(24 * 30):
        count(timedelta(hours=hours), inbound=1)
    roll_up_at(at, NOW)
    once = cost()
    for hours in range(24 * 30):
        count(timedelta(hours=hours), inbound=1000)
    assert cost() == once
    assert once.documents_read <= 31 + 2 * ids.COUNTER_SHARDS
    assert (once.reads, once.commits) == (3, 0)
