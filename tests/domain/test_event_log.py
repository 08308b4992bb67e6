"""How far in a tenant's events somebody has come: nothing is missed, and nothing is told twice."""

from __future__ import annotations

import base64
import json
from datetime import timedelta

import pytest

from shared.domain.event_log import MOST_RECENT, SETTLES_WITHIN, LoggedEvent, Position
from tests.documents import MOMENT

SECOND = timedelta(seconds=1)


def _event(number: int, seconds: float = 0) -> LoggedEvent:
    at = MOMENT + timedelta(seconds=seconds)
    return LoggedEvent(id=f"{number:010}-rest", tenant_id="t1", at=at, event="{}", expires_at=at)


def test_a_position_covers_what_is_settled_and_what_it_names() -> None:
    position = Position(MOMENT, MOMENT, frozenset({_event(2).key}))
    assert position.covers(_event(1, -1))
    assert not position.covers(_event(1)), "what happens at the time itself is named, or not covered"
    assert position.covers(_event(2))
    assert not position.covers(_event(3, 5))


def test_an_event_that_appears_late_is_not_lost() -> None:
    read = [_event(1, 1), _event(3, 3)]
    position = Position(MOMENT, MOMENT).past(read[0], read[:1], MOMENT).past(read[1], read, MOMENT)
    assert [position.covers(event) for event in (*read, _event(2, 2))] == [True, True, False]


def test_what_can_no_longer_change_is_settled_and_named_no_more() -> None:
    events = [_event(number, number) for number in range(3)]
    position = Position(MOMENT, MOMENT, frozenset(event.key for event in events))
    late = position.settled(events, MOMENT + 2 * SECOND, MOMENT + 1 * SECOND + SETTLES_WITHIN)
    assert (late.settled_at, late.recent) == (MOMENT + SECOND, frozenset({_event(1).key, _event(2).key}))
    assert late.as_of == MOMENT + SECOND + SETTLES_WITHIN
    bounded = position.settled(events, MOMENT + SECOND, MOMENT + timedelta(hours=1))
    assert bounded.settled_at == MOMENT + SECOND, "not beyond what was read"


def test_a_position_never_goes_back() -> None:
    assert Position(MOMENT, MOMENT).settled([], MOMENT - SECOND, MOMENT).settled_at == MOMENT


def test_an_event_that_was_read_is_settled_only_up_to_itself() -> None:
    event = _event(1, 5)
    position = Position(MOMENT, MOMENT).past(event, [event], MOMENT + timedelta(hours=1))
    assert (position.settled_at, position.covers(event)) == (event.at, True)


def test_a_position_names_a_bounded_number_of_events() -> None:
    events = [_event(number, number / 1000) for number in range(MOST_RECENT + 1)]
    position = Position(MOMENT, MOMENT, frozenset(event.key for event in events))
    exactly = position.settled(events[:-1], MOMENT, MOMENT)
    assert (len(exactly.recent), exactly.settled_at) == (MOST_RECENT, MOMENT)
    more = position.settled(events, MOMENT, MOMENT)
    assert (len(more.recent), more.settled_at) == (MOST_RECENT, events[1].at)
    assert all(more.covers(event) for event in events)


def test_events_that_were_not_read_are_not_named() -> None:
    events = [_event(1), _event(2)]
    position = Position(MOMENT, MOMENT, frozenset({_event(1).key})).settled(events, MOMENT, MOMENT)
    assert position.recent == {_event(1).key}


def test_a_cursor_brings_its_position_back() -> None:
    for keys in ((), ("b", "a"), ("ÿ?>",)):
        position = Position(MOMENT, MOMENT - SECOND, frozenset(keys))
        cursor = position.to_cursor()
        assert Position.from_cursor(cursor) == position
        assert set(cursor).isdisjoint("=+/"), "it may stand in an address"


def _cursor(content: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "%",
        "é",
        _cursor(1),
        _cursor([1]),
        _cursor(["x", 1]),
        _cursor([1, None]),
        _cursor([1, 10**30]),
        _cursor([1, 2, 3]),
        _cursor([1, 2, "a", None]),
        _cursor([1, 2, *("a" * (2 * MOST_RECENT + 1))]),
        _cursor(None)[:-1],
        base64.urlsafe_b64encode(b"[" * 100_000).decode().rstrip("="),
    ],
    ids=range(13),
)
def test_any_other_text_is_no_cursor(cursor: str) -> None:
    assert Position.from_cursor(cursor) is None


def test_a_cursor_may_name_twice_as_many_events_as_it_is_given() -> None:
    assert Position.from_cursor(_cursor([1, 2, *("a" * (2 * MOST_RECENT))])) is not None
