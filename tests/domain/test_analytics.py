"""Windows of time, and what is counted in them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest

from shared.domain.analytics import (
    DAY,
    FIVE_MINUTES,
    HOUR,
    Bucket,
    Counters,
    DayDocument,
    HourDocument,
    Range,
    RollUpState,
    Row,
    Window,
    buckets,
    by_channel,
    floor,
    total,
    trend_of,
    window,
)
from shared.domain.instances import ChannelType

NOW = datetime(2026, 11, 21, 10, 32, 30, tzinfo=UTC)
TEN = datetime(2026, 11, 21, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("range_", "over", "trend"),
    [
        (
            Range.HOUR,
            Window(datetime(2026, 11, 21, 9, 30, tzinfo=UTC), FIVE_MINUTES, 13),
            Window(datetime(2026, 11, 21, 9, 30, tzinfo=UTC), FIVE_MINUTES, 13),
        ),
        (Range.DAY, Window(TEN - DAY, HOUR, 25), Window(TEN - DAY, HOUR, 25)),
        (Range.WEEK, Window(TEN - 7 * DAY, HOUR, 169), Window(datetime(2026, 11, 14, tzinfo=UTC), DAY, 8)),
        (Range.MONTH, Window(TEN - 30 * DAY, HOUR, 721), Window(datetime(2026, 10, 22, tzinfo=UTC), DAY, 31)),
    ],
)
def test_a_range_ends_with_the_bucket_that_is_still_running(range_: Range, over: Window, trend: Window) -> None:
    assert window(range_, NOW) == over
    assert trend_of(range_, over) == trend


def test_the_buckets_of_a_window_follow_each_other_to_its_end() -> None:
    over = Window(TEN, HOUR, 3)
    assert list(over.starts()) == [TEN, TEN + HOUR, TEN + 2 * HOUR]
    assert over.end == TEN + 3 * HOUR


def test_a_moment_lies_in_a_bucket_of_utc() -> None:
    in_another_zone = datetime(2026, 11, 22, 1, 7, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    assert floor(in_another_zone, DAY) == datetime(2026, 11, 21, tzinfo=UTC)
    assert floor(in_another_zone, FIVE_MINUTES) == datetime(2026, 11, 21, 19, 35, tzinfo=UTC)
    assert floor(TEN, HOUR) == TEN


def test_what_is_no_number_counts_as_nothing() -> None:
    assert Counters.read(
        {"inbound": 2, "outbound": "3", "sessions": None, "reply_seconds": 1.5, "other": 4}
    ) == Counters(inbound=2, reply_seconds=1.5)


def test_counters_are_added_up_and_those_that_were_raised_have_names() -> None:
    counters = Counters(inbound=1, call_seconds=2.5)
    counters.add(Counters(inbound=2, outbound=4))
    assert counters.nonzero() == {"inbound": 3, "outbound": 4, "call_seconds": 2.5}
    assert counters.messages == 7


@pytest.mark.parametrize(
    ("counters", "figures"),
    [
        ({}, (0.0, 0.0, 0.0, 0.0, 0.0)),
        ({"reply_seconds": 10.0, "replies": 3}, (3.3, 0.0, 0.0, 0.0, 0.0)),
        ({"rating_sum": 14, "ratings": 3}, (0.0, 4.7, 0.0, 0.0, 4.7)),
        ({"resolved": 1, "sessions": 3}, (0.0, 0.0, 33.3, 0.0, 0.0)),
        ({"resolved": 4, "sessions": 3}, (0.0, 0.0, 100.0, 0.0, 0.0)),
        ({"resolved": -1, "sessions": 1, "call_seconds": -5.0}, (0.0, 0.0, 0.0, 0.0, 0.0)),
        ({"call_seconds": 100.0}, (0.0, 0.0, 0.0, 1.7, 0.0)),
        ({"quality_sum": 4.0, "quality_count": 1, "rating_sum": 1, "ratings": 1}, (0.0, 1.0, 0.0, 0.0, 2.5)),
    ],
)
def test_figures_are_means_with_one_decimal_and_never_below_nothing(counters: dict[str, Any], figures: object) -> None:
    of = Counters(**counters)
    assert (of.response_time, of.satisfaction, of.resolution_rate, of.minutes, of.call_quality) == figures


ROWS = [
    Row(TEN, ChannelType.TELEGRAM_BOT, Counters(inbound=1)),
    Row(TEN + FIVE_MINUTES, ChannelType.EMAIL, Counters(outbound=2)),
    Row(TEN + HOUR, ChannelType.TELEGRAM_BOT, Counters(inbound=4)),
    Row(TEN + HOUR, ChannelType.WHATSAPP, Counters()),
    Row(TEN + 9 * HOUR, ChannelType.EMAIL, Counters(outbound=8)),
]


def test_rows_are_added_up_over_all_and_by_channel_and_by_bucket() -> None:
    assert total(ROWS) == Counters(inbound=5, outbound=10)
    assert list(by_channel(ROWS).items()) == [
        (ChannelType.EMAIL, Counters(outbound=10)),
        (ChannelType.TELEGRAM_BOT, Counters(inbound=5)),
    ]
    assert buckets(ROWS, Window(TEN, HOUR, 3)) == [
        Bucket(TEN, Counters(inbound=1, outbound=2)),
        Bucket(TEN + HOUR, Counters(inbound=4)),
        Bucket(TEN + 2 * HOUR, Counters()),
    ]
    assert buckets(ROWS[3:], Window(TEN, HOUR, 3)) == []


def test_stored_counters_are_read() -> None:
    hour = HourDocument.model_validate(
        {"tenant_id": "t", "instance_id": "i", "channel": "email", "hour": TEN, "day": "2026-11-21", "inbound": 3}
    )
    assert hour.counters == Counters(inbound=3)
    assert DayDocument(day="2026-11-21").start == datetime(2026, 11, 21, tzinfo=UTC)


@pytest.mark.parametrize(
    ("finished", "day"),
    [
        (None, date(2026, 11, 11)),
        (NOW - timedelta(minutes=5), date(2026, 11, 20)),
        (NOW - 3 * DAY, date(2026, 11, 17)),
        (NOW - 90 * DAY, date(2026, 11, 11)),
        (NOW + 3 * DAY, date(2026, 11, 20)),
    ],
    ids=["never", "just now", "some days ago", "too long ago", "in the future"],
)
def test_a_pass_begins_the_day_before_the_last_one_ended(finished: datetime | None, day: date) -> None:
    state = RollUpState(finished=finished)
    state.begin(NOW, claim=HOUR, furthest_back=10 * DAY)
    assert state == RollUpState(finished=finished, hour=TEN, day=day, claimed_until=NOW + HOUR)


def test_a_pass_that_is_under_way_goes_on_where_it_is_and_its_end_is_kept() -> None:
    under_way = {"hour": TEN - HOUR, "day": date(2026, 11, 3), "after": "t1"}
    state = RollUpState(finished=TEN - DAY, **under_way)
    state.begin(NOW, claim=HOUR, furthest_back=10 * DAY)
    assert state == RollUpState(finished=TEN - DAY, claimed_until=NOW + HOUR, **under_way)
    state.finish()
    assert state == RollUpState(finished=TEN - HOUR, claimed_until=NOW + HOUR)
