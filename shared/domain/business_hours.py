"""When a business is open, and counting the time during which it is.

Hours are those that a clock on the wall of the business shows: where the clocks are put back, an hour that comes twice
is open twice, and one that is left out in spring is not open at all.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import BaseModel, Field, StringConstraints

_DAY = timedelta(days=1)
_HORIZON = 1500
"""Days that are looked through; who is not open within them is taken to be closed for good."""


class Weekday(StrEnum):
    """In the order of `date.weekday`."""

    MONDAY = "monday"
    TUESDAY = "tuesday"
    WEDNESDAY = "wednesday"
    THURSDAY = "thursday"
    FRIDAY = "friday"
    SATURDAY = "saturday"
    SUNDAY = "sunday"


_WEEKDAYS = list(Weekday)

ClockTime = Annotated[str, StringConstraints(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]


class Interval(BaseModel):
    """From when to when the business is open on a day of the week.

    It ends on the next day where `closes` is not after `opens`, so that `00:00` means the end of the day, and the same
    time twice means 24 hours.
    """

    day: Weekday
    opens: ClockTime
    closes: ClockTime


class Holiday(BaseModel):
    """A day on which the business is closed: `2026-12-24`, or `12-25` for every year."""

    date: Annotated[str, StringConstraints(pattern=r"^(\d{4}-)?(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$")]
    name: str = ""


class BusinessHours(BaseModel):
    """When a business is open; `team_id` or `instance_id` says for whose conversations, neither: for all others.

    `zone` is an IANA name. What opened on the day before a holiday closes at midnight; what would open on a holiday
    does not, nor does its part after midnight. `away_message` is what a customer is told who writes while it is closed
    and whom no machine answers, `away_messages` the same by language.
    """

    id: str
    name: str = ""
    team_id: str | None = None
    instance_id: str | None = None
    zone: str
    intervals: list[Interval] = Field(default_factory=list)
    holidays: list[Holiday] = Field(default_factory=list)
    away_message: str | None = None
    away_messages: dict[str, str] = Field(default_factory=dict)
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time, in UTC, that ends before `end`."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether a business is open, and when it opens and closes next; None where it never does."""

    is_open: bool
    opens_at: datetime | None
    closes_at: datetime | None


def standing(hours: BusinessHours, at: datetime) -> Standing:
    spans = _spans(hours, at)
    current = next(spans, None)
    if current is None:
        return Standing(is_open=False, opens_at=None, closes_at=None)
    if at < current.start:
        return Standing(is_open=False, opens_at=current.start, closes_at=_end(current, at))
    following = next(spans, None)
    return Standing(is_open=True, opens_at=following.start if following else None, closes_at=_end(current, at))


def is_open(hours: BusinessHours, at: datetime) -> bool:
    current = next(_daily_spans(hours, at), None)
    return current is not None and current.start <= at


def after(hours: BusinessHours | None, start: datetime, duration: timedelta) -> datetime | None:
    """When the business will have been open for a duration since `start`; None: within the horizon it never will.

    Without hours it is always open.
    """
    if hours is None:
        return start + duration
    for span in _daily_spans(hours, start):
        begin = max(span.start, start)
        if duration <= span.end - begin:
            return begin + duration
        duration -= span.end - begin
    return None


def open_time(hours: BusinessHours, start: datetime, end: datetime) -> timedelta:
    """For how long the business is open between two moments."""
    total = timedelta()
    for span in _daily_spans(hours, start):
        if span.start >= end:
            break
        total += min(span.end, end) - max(span.start, start)
    return total


def _end(span: Span, at: datetime) -> datetime | None:
    """None where it is open beyond the horizon."""
    return span.end if span.end - at < _DAY * (_HORIZON - 2) else None


def _spans(hours: BusinessHours, since: datetime) -> Iterator[Span]:
    """The stretches in which it is open that end after `since`, one after the other; those that touch are one."""
    current: Span | None = None
    for span in _daily_spans(hours, since):
        if current is not None and span.start > current.end:
            yield current
            current = span
        else:
            current = Span(current.start, max(current.end, span.end)) if current is not None else span
    if current is not None:
        yield current


def _daily_spans(hours: BusinessHours, since: datetime) -> Iterator[Span]:
    """The same, none of which goes on over midnight: who needs the first ones alone looks at no other day."""
    if not hours.intervals:
        return
    zone, week = ZoneInfo(hours.zone), _Week.of(hours)
    first_day = since.astimezone(zone).date() - _DAY
    for number in range(_HORIZON):
        day = first_day + _DAY * number
        for span in _of_day(week, zone, day):
            if span.end > since:
                yield span


def _of_day(week: _Week, zone: ZoneInfo, day: date) -> Iterator[Span]:
    """What is open on a day of the calendar there, in order."""
    pieces = week.on_the_clock(day)
    if not pieces:
        return
    for stretch, offset in _stretches(zone, day):
        for opens, closes in pieces:
            start = max(_utc(day, opens) - offset, stretch.start)
            end = min(_utc(day, closes) - offset, stretch.end)
            if start < end:
                yield Span(start, end)


_Pieces = list[tuple[timedelta, timedelta]]
"""From when to when it is open on a day, as times since its midnight, in order; no two of them touch."""


@dataclass(frozen=True, slots=True)
class _Week:
    """The hours and holidays in a form in which looking through thousands of days costs little.

    Both are by the day of the week: what opens on the day before goes on until `early`.
    """

    late: Sequence[_Pieces]
    early: Sequence[_Pieces]
    holidays: frozenset[str]

    @classmethod
    def of(cls, hours: BusinessHours) -> _Week:
        late: list[_Pieces] = [[] for _ in _WEEKDAYS]
        early: list[_Pieces] = [[] for _ in _WEEKDAYS]
        for interval in hours.intervals:
            opens, closes = _since_midnight(interval.opens), _since_midnight(interval.closes)
            number, is_over_midnight = _WEEKDAYS.index(interval.day), closes <= opens
            late[number].append((opens, _DAY if is_over_midnight else closes))
            if is_over_midnight and closes:
                early[(number + 1) % len(_WEEKDAYS)].append((timedelta(), closes))
        holidays = frozenset(holiday.date for holiday in hours.holidays)
        return cls([_joined(pieces) for pieces in late], [_joined(pieces) for pieces in early], holidays)

    def on_the_clock(self, day: date) -> _Pieces:
        if self._is_holiday(day):
            return []
        late, early = self.late[day.weekday()], self.early[day.weekday()]
        return _joined([*early, *late]) if early and not self._is_holiday(day - _DAY) else late

    def _is_holiday(self, day: date) -> bool:
        written = day.isoformat()
        return written in self.holidays or written[len("2026-") :] in self.holidays


def _joined(pieces: _Pieces) -> _Pieces:
    joined: _Pieces = []
    for opens, closes in sorted(pieces):
        if joined and opens <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], closes))
        else:
            joined.append((opens, closes))
    return joined


def _since_midnight(clock_time: str) -> timedelta:
    hour, minute = clock_time.split(":")
    return timedelta(hours=int(hour), minutes=int(minute))


def _utc(day: date, since_midnight: timedelta) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC) + since_midnight


def _stretches(zone: ZoneInfo, day: date) -> Iterator[tuple[Span, timedelta]]:
    """The stretches of time around a day of the calendar in which the zone keeps its distance from UTC."""
    start, end = _utc(day, -_DAY), _utc(day, _DAY * 2)
    while start < end:
        offset = _offset(zone, start)
        change = end if _offset(zone, end) == offset else _change(zone, start, end)
        yield Span(start, change), offset
        start = change


def _change(zone: ZoneInfo, start: datetime, end: datetime) -> datetime:
    """When the distance from UTC that holds at `start` ends."""
    offset = _offset(zone, start)
    while end - start > timedelta(seconds=1):
        middle = start + (end - start) // 2
        middle = middle.replace(microsecond=0)
        if _offset(zone, middle) == offset:
            start = middle
        else:
            end = middle
    return end


def _offset(zone: ZoneInfo, at: datetime) -> timedelta:
    return at.astimezone(zone).utcoffset() or timedelta()
