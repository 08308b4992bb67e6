"""By when customers are to be answered: what starts and stops the clocks, and what people are told."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, cast

import pytest

from shared.domain.events import RealtimeEvent, Topic
from shared.domain.sla import SlaState, SlaTarget
from tests.pipeline.manual_hub import ManualHub


@pytest.fixture
def shop(manual_hub: ManualHub, bot: str) -> ManualHub:
    """A hub that promises the first answer within 60 minutes, later ones within 30, and the end within a day."""
    policy = {"name": "All", "firstAnswerMinutes": 60, "nextAnswerMinutes": 30, "resolutionMinutes": 1440}
    manual_hub.post("/api/sla-policies", policy, 201)
    manual_hub.writes(bot, "one")
    return manual_hub


def _clocks(hub: ManualHub) -> dict[SlaTarget, tuple[timedelta, SlaState]]:
    """From when to when each counts, and how it stands."""
    return {each.target: (each.due_at - each.since, each.state) for each in hub.conversation().sla.clocks}


def _states(hub: ManualHub) -> list[str]:
    return [str(_row(hub)["sla"]["state"]), *sorted(each["type"] for each in hub.documents("notifications"))]


def _row(hub: ManualHub) -> dict[str, Any]:
    [row] = hub.get("/api/inbox")["conversations"]
    return cast("dict[str, Any]", row)


def _minutes(number: int) -> timedelta:
    return timedelta(minutes=number)


def test_each_turn_of_a_conversation_has_its_own_clock(shop: ManualHub, bot: str) -> None:
    session = shop.conversation().id
    resolution = (SlaTarget.RESOLUTION, (_minutes(1440), SlaState.OK))
    assert _clocks(shop) == dict([(SlaTarget.FIRST_ANSWER, (_minutes(60), SlaState.OK)), resolution])
    shop.say(session, "I am here")
    assert _clocks(shop) == dict([resolution])
    shop.writes(bot, "two")
    began = _clocks(shop)
    assert began == dict([(SlaTarget.NEXT_ANSWER, (_minutes(30), SlaState.OK)), resolution])
    shop.wait(minutes=5)
    shop.writes(bot, "three")
    assert _clocks(shop) == began
    shop.set_status(session, "CLOSED")
    assert (_clocks(shop), shop.conversation().sla.due_at) == ({}, None)


def test_people_are_warned_once_and_told_once_that_it_is_overdue(shop: ManualHub) -> None:
    shop.wait(minutes=47)
    shop.tick()
    assert _states(shop) == ["ok"]
    shop.wait(minutes=2)
    for _ in range(2):
        shop.tick()
    assert _states(shop) == ["warning", "sla_warning"]
    shop.wait(minutes=12)
    for _ in range(2):
        shop.tick()
    assert _states(shop) == ["breached", "sla_breached", "sla_warning"]
    session = shop.conversation().id
    assert {each["conversation_id"] for each in shop.documents("notifications")} == {session}
    events = [cast("RealtimeEvent", event) for event in shop.new_events(Topic.REALTIME)]
    states = [event.payload["clock"]["state"] for event in events if event.name == "sla-changed"]
    assert states == ["warning", "breached"]
    assert shop.get("/analytics/dashboard?range=24h")["slaBreaches"] == 1


def test_an_answer_in_time_leaves_nothing_to_warn_of(shop: ManualHub) -> None:
    shop.wait(minutes=30)
    shop.say(shop.conversation().id, "I am here")
    shop.wait(hours=2)
    shop.tick()
    assert _states(shop) == ["ok"]


def test_an_answer_that_comes_while_the_sweep_looks_wins(shop: ManualHub) -> None:
    session = shop.conversation().id
    shop.wait(minutes=61)
    shop.overlaps.store.before_commit("conversations", lambda: shop.say(session, "I am here"))
    shop.tick()
    assert _states(shop) == ["ok"]


def test_a_crash_after_the_warning_warns_nobody_again(shop: ManualHub) -> None:
    shop.wait(minutes=61)
    shop.overlaps.store.after_commit("notifications", lambda: shop.forget_owed())
    shop.tick()
    shop.tick()
    assert _states(shop) == ["breached", "sla_breached"]


def test_what_is_due_first_comes_first_in_the_inbox(shop: ManualHub, bot: str) -> None:
    shop.wait(minutes=5)
    shop.writes(bot, "later", chat=6)
    shop.wait(minutes=5)
    shop.writes(bot, "urgent", chat=7)
    urgent = next(each for each in shop.conversations() if each.external_user_id == "7")
    shop.post("/api/sla-policies", {"name": "Urgent", "priority": "URGENT", "firstAnswerMinutes": 10}, 201)
    shop.patch(f"/api/conversations/{urgent.id}", {"priority": "URGENT"})
    for limit in (10, 1):
        assert _addresses(shop, f"sort=sla&limit={limit}") == ["7", "5", "6"]
    assert _addresses(shop, "sort=sla&view=unassigned&unread=true") == ["7", "5", "6"]


def _addresses(hub: ManualHub, query: str) -> list[str]:
    page = hub.get(f"/api/inbox?{query}")
    rows = list(page["conversations"])
    while page["nextCursor"]:
        page = hub.get(f"/api/inbox?{query}&cursor={page['nextCursor']}")
        rows += page["conversations"]
    return [row["customer"]["externalId"] for row in rows]


def test_only_the_time_counts_during_which_the_business_is_open(manual_hub: ManualHub, bot: str) -> None:
    now = manual_hub.deps.now()
    closed_on = [f"{now + timedelta(days=number):%Y-%m-%d}" for number in range(-1, 2)]
    days = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
    always = [{"day": day, "opens": "00:00", "closes": "00:00"} for day in days]
    hours = {"zone": "UTC", "intervals": always, "holidays": [{"date": day} for day in closed_on]}
    manual_hub.post("/api/business-hours", hours, 201)
    manual_hub.post("/api/sla-policies", {"name": "All", "firstAnswerMinutes": 60}, 201)
    manual_hub.writes(bot, "one")
    opens_at = datetime.fromisoformat(f"{now + timedelta(days=2):%Y-%m-%d}T00:00:00+00:00")
    assert manual_hub.conversation().sla.due_at == opens_at + timedelta(hours=1)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": "None"}, "firstAnswerMinutes"),
        ({"name": "No team", "firstAnswerMinutes": 5, "teamId": "x"}, "teamId"),
        ({"name": "No channel", "firstAnswerMinutes": 5, "channelId": "x"}, "channelId"),
        ({"name": "No time", "firstAnswerMinutes": 0}, "firstAnswerMinutes"),
    ],
)
def test_a_policy_that_cannot_be_is_refused(manual_hub: ManualHub, body: dict[str, Any], field: str) -> None:
    assert list(manual_hub.post("/api/sla-policies", body, 400)["fields"]) == [field]


@pytest.mark.parametrize("zone", ["Europe/Nowhere", "../../etc/passwd", "Berlin", "+02:00"])
def test_hours_need_a_time_zone(manual_hub: ManualHub, zone: str) -> None:
    assert list(manual_hub.post("/api/business-hours", {"zone": zone}, 400)["fields"]) == ["zone"]


def test_conversations_have_one_set_of_business_hours(manual_hub: ManualHub, bot: str) -> None:
    for body in ({"zone": "UTC"}, {"zone": "UTC", "channelId": bot}):
        manual_hub.post("/api/business-hours", body, 201)
        manual_hub.post("/api/business-hours", body, 409)


def test_business_hours_that_are_too_long_to_be_kept_are_refused(manual_hub: ManualHub) -> None:
    hours = {"zone": "UTC", "holidays": [{"date": "12-25", "name": "x" * 400_000}]}
    hours_id = manual_hub.post("/api/business-hours", hours, 201)["id"]
    long = {"holidays": [{"date": "12-25", "name": "x" * 600_000}]}
    assert "too long together" in manual_hub.patch(f"/api/business-hours/{hours_id}", long, 400)["detail"]
    assert len(manual_hub.get("/api/business-hours")["businessHours"][0]["holidays"][0]["name"]) == 400_000
