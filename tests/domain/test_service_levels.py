"""Which promise holds for a conversation, and when each of its clocks is due."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from shared.domain.business_hours import BusinessHours, Interval, Weekday
from shared.domain.conversations import Conversation, ConversationStatus, Priority
from shared.domain.service_levels import ServiceLevels, SlaPolicy
from shared.domain.sla import Sla, SlaClock, SlaState, SlaTarget
from tests.documents import MOMENT, a_conversation

HOUR = timedelta(hours=1)
FIRST, NEXT, RESOLUTION = SlaTarget.FIRST_ANSWER, SlaTarget.NEXT_ANSWER, SlaTarget.RESOLUTION


def _policy(**fields: Any) -> SlaPolicy:
    defaults = {"id": "policy", "name": "", "in_business_time": False, "created_at": MOMENT, "updated_at": MOMENT}
    return SlaPolicy.model_validate(defaults | fields)


def _hours(**fields: Any) -> BusinessHours:
    """Sundays from 14:00 to 16:00 UTC; the moment of these tests is a Sunday, 12:30."""
    interval = Interval(day=Weekday.SUNDAY, opens="14:00", closes="16:00")
    defaults = {"id": "all", "zone": "UTC", "intervals": [interval], "created_at": MOMENT, "updated_at": MOMENT}
    return BusinessHours.model_validate(defaults | fields)


def _levels(*policies: SlaPolicy, hours: list[BusinessHours] | None = None) -> ServiceLevels:
    return ServiceLevels(tenant_id="t1", policies=list(policies), hours=hours or [])


def _clock(conversation: Conversation, target: SlaTarget, *policies: SlaPolicy, **levels: Any) -> SlaClock:
    [clock] = [each for each in _levels(*policies, **levels).sla_of(conversation).clocks if each.target is target]
    return clock


def _urgent(**fields: Any) -> Conversation:
    return a_conversation(team_id="team", priority=Priority.HIGH, **fields)


@pytest.mark.parametrize(
    ("names", "holds"),
    [
        ({}, True),
        ({"team_id": "team"}, True),
        ({"team_id": "other"}, False),
        ({"instance_id": "i1"}, True),
        ({"instance_id": "i2"}, False),
        ({"priority": "high"}, True),
        ({"priority": "low"}, False),
        ({"team_id": "team", "instance_id": "i1", "priority": "low"}, False),
    ],
)
def test_a_policy_holds_where_all_that_it_names_is_so(names: dict[str, str], holds: bool) -> None:
    assert (_levels(_policy(**names)).policy_of(_urgent()) is not None) is holds


@pytest.mark.parametrize(
    ("weak", "strong"),
    [
        ({}, {"priority": "high"}),
        ({"priority": "high"}, {"instance_id": "i1"}),
        ({"instance_id": "i1"}, {"team_id": "team"}),
        ({"team_id": "team"}, {"instance_id": "i1", "priority": "high"}),
    ],
)
def test_the_policy_that_names_more_holds_then_the_one_for_the_team(
    weak: dict[str, str], strong: dict[str, str]
) -> None:
    policies = [_policy(id="weak", **weak), _policy(id="strong", **strong)]
    for order in (policies, policies[::-1]):
        policy = _levels(*order).policy_of(_urgent())
        assert policy is not None
        assert policy.id == "strong"


def test_of_two_that_name_as_much_the_older_one_holds() -> None:
    policy = _levels(_policy(id="old"), _policy(id="new")).policy_of(a_conversation())
    assert policy is not None
    assert policy.id == "old"


@pytest.mark.parametrize(
    ("conversation", "expected"),
    [
        ({"team_id": "team", "instance_id": "i1"}, "team"),
        ({"team_id": "other", "instance_id": "i1"}, "channel"),
        ({"team_id": None, "instance_id": "i1"}, "channel"),
        ({"team_id": None, "instance_id": "i2"}, "all"),
    ],
)
def test_the_hours_are_those_of_the_team_else_of_the_channel(conversation: dict[str, Any], expected: str) -> None:
    hours = [_hours(id="channel", instance_id="i1"), _hours(id="team", team_id="team"), _hours()]
    of_it = _levels(hours=hours).hours_of(a_conversation(**conversation))
    assert of_it is not None
    assert of_it.id == expected


def test_who_has_hours_only_for_others_is_always_open() -> None:
    assert _levels(hours=[_hours(team_id="team")]).hours_of(a_conversation()) is None


def test_the_first_answer_counts_from_the_customers_waiting_and_later_ones_are_others() -> None:
    policy = _policy(first_answer_minutes=10, next_answer_minutes=20)
    waiting = a_conversation(needs_reply_since=MOMENT + HOUR)
    clock = _clock(waiting, FIRST, policy)
    assert (clock.since, clock.due_at) == (MOMENT + HOUR, MOMENT + HOUR + timedelta(minutes=10))
    answered = a_conversation(needs_reply_since=MOMENT + HOUR, replied_to_at=MOMENT)
    assert _clock(answered, NEXT, policy).due_at == MOMENT + HOUR + timedelta(minutes=20)
    assert [each.target for each in _levels(policy).sla_of(answered).clocks] == [NEXT]


def test_where_nobody_waits_only_the_end_is_due() -> None:
    policy = _policy(first_answer_minutes=10, next_answer_minutes=20, resolution_minutes=60)
    assert [each.target for each in _levels(policy).sla_of(a_conversation()).clocks] == [RESOLUTION]


def test_the_end_counts_from_the_beginning_or_from_when_it_was_opened_again() -> None:
    policy = _policy(resolution_minutes=60)
    assert _clock(a_conversation(), RESOLUTION, policy).due_at == MOMENT + HOUR
    reopened = a_conversation(sla=Sla(opened_at=MOMENT + HOUR))
    assert _clock(reopened, RESOLUTION, policy).due_at == MOMENT + 2 * HOUR
    assert _levels(policy).sla_of(reopened).opened_at == MOMENT + HOUR, "it is remembered"


def test_a_closed_conversation_has_nothing_due_and_one_without_a_policy_neither() -> None:
    closed = a_conversation(status=ConversationStatus.CLOSED, sla=Sla(opened_at=MOMENT))
    assert _levels(_policy(resolution_minutes=60)).sla_of(closed) == Sla()
    assert _levels().sla_of(a_conversation()) == Sla()


@pytest.mark.parametrize(
    ("warn_before_minutes", "warned_after"),
    [(None, 48), (10, 50), (0, 60), (60, 0), (90, 0)],
)
def test_people_are_warned_before_it_is_due(warn_before_minutes: int | None, warned_after: int) -> None:
    clock = _clock(
        a_conversation(), RESOLUTION, _policy(resolution_minutes=60, warn_before_minutes=warn_before_minutes)
    )
    assert clock.warn_at == MOMENT + timedelta(minutes=warned_after)


def test_only_business_time_counts_where_the_policy_says_so() -> None:
    hours = [_hours()]
    in_time = _clock(a_conversation(), RESOLUTION, _policy(resolution_minutes=60, in_business_time=True), hours=hours)
    opens = MOMENT.replace(hour=14, minute=0, second=0, microsecond=0)
    assert (in_time.due_at, in_time.warn_at) == (opens + HOUR, opens + timedelta(minutes=48))
    at_once = _clock(a_conversation(), RESOLUTION, _policy(resolution_minutes=60), hours=hours)
    assert at_once.due_at == MOMENT + HOUR


def test_a_business_that_never_opens_owes_nothing() -> None:
    policy = _policy(resolution_minutes=60, in_business_time=True)
    assert _levels(policy, hours=[_hours(intervals=[])]).sla_of(a_conversation()).clocks == []


def test_a_clock_that_goes_on_keeps_its_state_and_another_one_begins_anew() -> None:
    levels = _levels(_policy(first_answer_minutes=10, resolution_minutes=60))
    waiting = a_conversation(needs_reply_since=MOMENT)
    waiting.sla, _ = levels.sla_of(waiting).at(MOMENT + timedelta(minutes=20))
    assert [each.state for each in levels.sla_of(waiting).clocks] == [SlaState.BREACHED, SlaState.OK]
    waiting.needs_reply_since = MOMENT + timedelta(minutes=30)
    assert [each.state for each in levels.sla_of(waiting).clocks] == [SlaState.OK, SlaState.OK]


@pytest.mark.parametrize(
    ("minutes", "state", "next_look"),
    [(0, SlaState.OK, 48), (47, SlaState.OK, 48), (48, SlaState.WARNING, 60), (60, SlaState.BREACHED, None)],
)
def test_a_clock_warns_and_then_is_breached_and_is_looked_at_when_it_changes(
    minutes: int, state: SlaState, next_look: int | None
) -> None:
    sla = _levels(_policy(resolution_minutes=60)).sla_of(a_conversation())
    after, changed = sla.at(MOMENT + timedelta(minutes=minutes))
    assert (after.state, [each.state for each in changed]) == (state, [] if state is SlaState.OK else [state])
    assert after.look_at == (None if next_look is None else MOMENT + timedelta(minutes=next_look))
    assert after.due_at == MOMENT + HOUR


def test_of_several_clocks_the_worst_and_the_earliest_count() -> None:
    policy = _policy(first_answer_minutes=10, resolution_minutes=60)
    sla = _levels(policy).sla_of(a_conversation(needs_reply_since=MOMENT, sla=Sla(opened_at=MOMENT)))
    assert (sla.due_at, sla.look_at) == (MOMENT + timedelta(minutes=10), MOMENT + timedelta(minutes=8))
    breached, _ = sla.at(MOMENT + timedelta(minutes=11))
    assert (breached.state, breached.opened_at) == (SlaState.BREACHED, MOMENT)
    assert breached.look_at == MOMENT + timedelta(minutes=48)
