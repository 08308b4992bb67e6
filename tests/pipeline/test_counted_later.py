"""What is corrected days later is corrected where it was counted: on its day, and on its channel."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.pipeline.manual_hub import ManualHub


def _days_pass(hub: ManualHub, days: int) -> None:
    """The schedule keeps running."""
    for _ in range(days):
        hub.overlaps.clock.advance(days=1)
        hub.tick()


def _schedule_stands_still(hub: ManualHub, days: int) -> None:
    hub.overlaps.clock.advance(days=days)


def _an_hour_passes(hub: ManualHub) -> None:
    """What was counted late is in the figures by then."""
    hub.overlaps.clock.advance(hours=1)
    hub.tick()


TIME_PASSES = pytest.mark.parametrize("time_passes", [_days_pass, _schedule_stands_still])


def _resolution_rate(hub: ManualHub, span: str) -> float:
    performance = hub.get(f"/analytics/channel-performance?channel=telegram_bot&range={span}")
    return float(performance["metrics"]["resolutionRate"])


def _resolves_another(hub: ManualHub, bot: str, chat: int) -> None:
    hub.writes(bot, "hello", chat=chat)
    [session] = [each.id for each in hub.conversations() if each.external_user_id == str(chat)]
    hub.set_status(session, "CLOSED")


def _opens(hub: ManualHub, session: str) -> None:
    hub.set_status(session, "OPEN")


def _snoozes(hub: ManualHub, session: str) -> None:
    hub.snooze(session)


def _sends(hub: ManualHub, session: str) -> None:
    hub.say(session, "one thing more")


@pytest.mark.parametrize("reopens", [_opens, _snoozes, _sends])
@pytest.mark.parametrize("days", [1, 4])
@TIME_PASSES
def test_a_resolution_that_did_not_hold_is_taken_from_the_day_on_which_it_was_counted(
    manual_hub: ManualHub,
    bot: str,
    session: str,
    time_passes: Callable[[ManualHub, int], None],
    days: int,
    reopens: Callable[[ManualHub, str], None],
) -> None:
    manual_hub.set_status(session, "CLOSED")
    time_passes(manual_hub, days)
    manual_hub.overlaps.clock.advance(hours=2)
    _resolves_another(manual_hub, bot, chat=9)
    reopens(manual_hub, session)
    _an_hour_passes(manual_hub)
    assert (_resolution_rate(manual_hub, "24h"), _resolution_rate(manual_hub, "30d")) == (100, 50)
    _days_pass(manual_hub, 2)
    assert _resolution_rate(manual_hub, "30d") == 50


def test_each_resolution_is_counted_on_its_own_day(manual_hub: ManualHub, bot: str, session: str) -> None:
    """Resolved, opened and resolved again: the second time counts, and on its day alone."""
    manual_hub.set_status(session, "CLOSED")
    _days_pass(manual_hub, 3)
    manual_hub.set_status(session, "OPEN")
    manual_hub.writes(bot, "hello", chat=9)
    assert (_resolution_rate(manual_hub, "24h"), _resolution_rate(manual_hub, "30d")) == (0, 0)
    manual_hub.set_status(session, "CLOSED")
    assert (_resolution_rate(manual_hub, "24h"), _resolution_rate(manual_hub, "30d")) == (100, 50)
    _days_pass(manual_hub, 3)
    manual_hub.set_status(session, "OPEN")
    _resolves_another(manual_hub, bot, chat=10)
    assert _resolution_rate(manual_hub, "24h") == 100
    assert round(_resolution_rate(manual_hub, "30d")) == 33


def _satisfaction(hub: ManualHub) -> tuple[float, int, dict[str, float], list[tuple[float, int]]]:
    """Overall, how many, by channel, and on each day on which there was a rating."""
    satisfaction = hub.get("/analytics/customer-satisfaction")
    days = [(day["score"], day["responses"]) for day in satisfaction["trends"] if day["responses"]]
    return satisfaction["overallScore"], satisfaction["totalResponses"], satisfaction["byChannel"], days


def _rate(hub: ManualHub, session: str, score: int) -> None:
    hub.post(f"/sessions/{session}/rating", {"score": score})


@pytest.mark.parametrize("days", [1, 4])
@TIME_PASSES
def test_a_rating_that_is_changed_later_counts_on_its_first_day(
    manual_hub: ManualHub, bot: str, session: str, time_passes: Callable[[ManualHub, int], None], days: int
) -> None:
    _rate(manual_hub, session, 1)
    time_passes(manual_hub, days)
    _resolves_another(manual_hub, bot, chat=9)
    [other] = manual_hub.others(session)
    _rate(manual_hub, other.id, 5)
    _rate(manual_hub, session, 3)
    _an_hour_passes(manual_hub)
    expected = (4.0, 2, {"telegram_bot": 4.0}, [(3.0, 1), (5.0, 1)])
    assert _satisfaction(manual_hub) == expected
    _days_pass(manual_hub, 2)
    assert _satisfaction(manual_hub) == expected


def test_a_rating_that_is_changed_after_the_conversation_moved_counts_where_it_was_first_given(
    manual_hub: ManualHub, session: str
) -> None:
    _rate(manual_hub, session, 1)
    manual_hub.move(session)
    _rate(manual_hub, session, 5)
    assert _satisfaction(manual_hub)[:3] == (5.0, 1, {"telegram_bot": 5.0})
