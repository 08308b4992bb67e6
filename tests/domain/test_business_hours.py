"""Business hours, compared with somebody who looks at the clock on the wall every five minutes."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from types import FrameType
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.business_hours import BusinessHours, Holiday, Interval, Weekday, after, is_open, open_time, standing

STEP = timedelta(minutes=5)
DAYS = list(Weekday)
CREATED = datetime(2026, 1, 1, tzinfo=UTC)

# A moment shortly before the clocks are changed, or where there is something else to get wrong.
PLACES = {
    "Europe/Berlin": datetime(2026, 3, 28, 12, tzinfo=UTC),
    "America/New_York": datetime(2026, 10, 31, 12, tzinfo=UTC),
    "America/Santiago": datetime(2026, 9, 5, 12, tzinfo=UTC),  # at midnight
    "Australia/Lord_Howe": datetime(2026, 4, 4, 6, tzinfo=UTC),  # by half an hour
    "Africa/Cairo": datetime(2026, 10, 29, 12, tzinfo=UTC),  # back at midnight: a day ends twice
    "Asia/Kathmandu": datetime(2026, 12, 24, 12, tzinfo=UTC),
    "Pacific/Apia": datetime(2011, 12, 29, 12, tzinfo=UTC),  # a whole day was left out
    "America/Sao_Paulo": datetime(2026, 2, 27, 12, tzinfo=UTC),
}


def hours(zone: str, *intervals: tuple[Weekday, str, str], holidays: tuple[str, ...] = ()) -> BusinessHours:
    return BusinessHours(
        id="hours",
        zone=zone,
        intervals=[Interval(day=day, opens=opens, closes=closes) for day, opens, closes in intervals],
        holidays=[Holiday(date=day) for day in holidays],
        created_at=CREATED,
        updated_at=CREATED,
    )


def looks_open(of: BusinessHours, at: datetime) -> bool:
    """What somebody sees who looks at the clock, the calendar and the sign on the door."""
    clock = at.astimezone(ZoneInfo(of.zone))
    today, yesterday = clock.date(), clock.date() - timedelta(days=1)
    closed = {holiday.date for holiday in of.holidays}

    def is_holiday(day: object) -> bool:
        return not closed.isdisjoint({f"{day:%Y-%m-%d}", f"{day:%m-%d}"})

    if is_holiday(today):
        return False
    now = f"{clock:%H:%M}"
    for each in of.intervals:
        goes_on = each.closes <= each.opens
        if DAYS.index(each.day) == today.weekday() and each.opens <= now and (goes_on or now < each.closes):
            return True
        if DAYS.index(each.day) == yesterday.weekday() and goes_on and now < each.closes and not is_holiday(yesterday):
            return True
    return False


clock_times = st.builds("{:02}:{:02}".format, st.integers(0, 23), st.integers(0, 11).map(lambda number: number * 5))
intervals = st.tuples(st.sampled_from(DAYS), clock_times, clock_times)


@st.composite
def weeks(draw: st.DrawFn) -> tuple[BusinessHours, datetime]:
    """Hours, and a moment near a place's trap."""
    zone = draw(st.sampled_from(sorted(PLACES)))
    start = PLACES[zone] + STEP * draw(st.integers(-300, 300))
    local_date = start.astimezone(ZoneInfo(zone)).date()
    near = [local_date + timedelta(days=number) for number in range(-2, 5)]
    holidays = draw(st.lists(st.sampled_from(near), max_size=2))
    shapes = draw(st.lists(st.sampled_from(["%Y-%m-%d", "%m-%d"]), min_size=2, max_size=2))
    of = hours(
        zone,
        *draw(st.lists(intervals, min_size=1, max_size=8)),
        holidays=tuple(day.strftime(shape) for day, shape in zip(holidays, shapes, strict=False)),
    )
    return of, start


@given(weeks())
@settings(max_examples=25, deadline=None)
def test_it_is_open_when_the_clock_on_the_wall_says_so(week: tuple[BusinessHours, datetime]) -> None:
    of, start = week
    steps = [start + STEP * number for number in range(0, 12 * 24 * 3, 7)]
    assert [at for at in steps if is_open(of, at)] == [at for at in steps if looks_open(of, at)]


@given(weeks(), st.integers(1, 300))
@settings(max_examples=25, deadline=None)
def test_open_time_adds_up_as_the_clock_on_the_wall_goes_on(week: tuple[BusinessHours, datetime], count: int) -> None:
    of, start = week
    moments = [start + STEP * number for number in range(12 * 24 * 4)]
    open_moments = [at for at in moments if looks_open(of, at)]
    assert open_time(of, start, moments[-1] + STEP) == STEP * len(open_moments)
    if len(open_moments) >= count:
        assert after(of, start, STEP * count) == open_moments[count - 1] + STEP


@given(weeks())
@settings(max_examples=20, deadline=None)
def test_the_next_opening_and_closing_are_the_next_changes_that_somebody_sees(
    week: tuple[BusinessHours, datetime],
) -> None:
    of, start = week
    moments = [start + STEP * number for number in range(12 * 24 * 4)]
    pairs = list(pairwise(moments))
    openings = [later for earlier, later in pairs if looks_open(of, later) and not looks_open(of, earlier)]
    closings = [later for earlier, later in pairs if looks_open(of, earlier) and not looks_open(of, later)]
    now = standing(of, start)
    assert now.is_open == looks_open(of, start)
    if openings:
        assert now.opens_at == openings[0]
    if closings:
        assert now.closes_at == closings[0]


def test_a_bar_that_closes_after_midnight_stays_open_beyond_it() -> None:
    bar = hours("Europe/Berlin", (Weekday.FRIDAY, "20:00", "02:00"))
    assert is_open(bar, datetime(2026, 11, 28, 0, 30, tzinfo=UTC))
    assert not is_open(bar, datetime(2026, 11, 28, 1, 0, tzinfo=UTC))


def test_the_night_in_which_the_clocks_are_put_back_is_an_hour_longer() -> None:
    bar = hours("Europe/Berlin", (Weekday.SATURDAY, "22:00", "06:00"))
    saturday = datetime(2026, 10, 24, 12, tzinfo=UTC)
    assert open_time(bar, saturday, saturday + timedelta(days=1)) == timedelta(hours=9)


def test_a_business_that_never_closes_is_open_around_the_clock() -> None:
    always = hours("America/New_York", *((day, "00:00", "00:00") for day in DAYS))
    at = datetime(2026, 11, 1, 5, 59, tzinfo=UTC)
    assert (standing(always, at).is_open, standing(always, at).closes_at) == (True, None)
    assert after(always, at, timedelta(days=3)) == at + timedelta(days=3)


def test_a_business_that_never_opens_has_no_next_opening_and_no_due_time() -> None:
    never = hours("Europe/Berlin")
    at = datetime(2026, 11, 1, tzinfo=UTC)
    assert standing(never, at).opens_at is None
    assert after(never, at, timedelta(minutes=1)) is None


@pytest.mark.parametrize(("holiday", "is_closed_next_year"), [("12-25", True), ("2026-12-25", False)])
def test_a_holiday_without_a_year_comes_back_every_year(holiday: str, is_closed_next_year: bool) -> None:
    shop = hours("Europe/Berlin", *((day, "09:00", "17:00") for day in DAYS), holidays=(holiday,))
    noon = datetime(2026, 12, 25, 12, tzinfo=UTC)
    assert not is_open(shop, noon)
    assert is_open(shop, noon.replace(year=2027)) is not is_closed_next_year


def _calls(action: Callable[[], object]) -> int:
    """How many functions of Python's an action calls, which is what it costs."""
    calls = 0

    def count(frame: FrameType, event: str, argument: object) -> None:
        nonlocal calls
        calls += event == "call"

    former = sys.getprofile()
    sys.setprofile(count)
    try:
        action()
    finally:
        sys.setprofile(former)
    return calls


def test_what_a_message_asks_costs_little_where_it_is_always_open() -> None:
    always = hours("Europe/Berlin", *((day, "00:00", "00:00") for day in DAYS))
    assert _calls(lambda: is_open(always, CREATED)) < 500
    assert _calls(lambda: after(always, CREATED, timedelta(minutes=5))) < 500


def test_looking_for_an_opening_that_never_comes_does_not_cost_more_with_each_holiday() -> None:
    year = [CREATED + timedelta(days=number) for number in range(365)]
    week = [(day, f"{hour:02}:00", f"{hour:02}:30") for day in DAYS for hour in range(10)]
    never = hours("Europe/Berlin", *week, holidays=(*(f"{day:%m-%d}" for day in year), "02-29"))
    assert standing(never, CREATED).opens_at is None
    assert _calls(lambda: standing(never, CREATED)) < 20_000
