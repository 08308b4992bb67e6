"""What the counters mean: time ranges, their buckets, and the figures made of sums.

Every figure is made of sums alone, so that figures of any hours, days and
channels can be added up. Where nothing was counted a figure is 0, never absent.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Annotated, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer

from shared.domain.instances import ChannelType

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
FIVE_MINUTES = timedelta(minutes=5)


class Range(StrEnum):
    """How far back a figure reaches."""

    HOUR = "1h"
    DAY = "24h"
    WEEK = "7d"
    MONTH = "30d"


# How long each is, and the buckets that it is shown in.
_RANGES = {
    Range.HOUR: (HOUR, FIVE_MINUTES),
    Range.DAY: (DAY, HOUR),
    Range.WEEK: (DAY * 7, DAY),
    Range.MONTH: (DAY * 30, DAY),
}


@dataclass(frozen=True, slots=True)
class Window:
    """Buckets of `step`, the last of which is still running."""

    start: datetime
    step: timedelta
    size: int

    @property
    def end(self) -> datetime:
        return self.start + self.step * self.size

    def starts(self) -> Iterator[datetime]:
        """When each bucket begins, without gaps."""
        return (self.start + self.step * n for n in range(self.size))

    def split(self, step: timedelta) -> Window:
        """The same time in buckets of another size."""
        start = floor(self.start, step)
        return Window(start, step, -((start - self.end) // step))


def window(range_: Range, now: datetime) -> Window:
    """All of the range up to `now`, by hours, and by five minutes for an hour: that much it may be longer at most."""
    length, bucket = _RANGES[range_]
    step = min(bucket, HOUR)
    start = floor(now - length, step)
    return Window(start, step, (now - start) // step + 1)


def trend_of(range_: Range, over: Window) -> Window:
    """The range's window in the buckets that it is shown in (days are UTC's); the first may be counted in part."""
    return over.split(_RANGES[range_][1])


def floor(moment: datetime, step: timedelta) -> datetime:
    """When the bucket of a moment began."""
    midnight = start_of(moment.astimezone(UTC).date())
    return midnight + (moment - midnight) // step * step


def start_of(day: date) -> datetime:
    """The day's first moment, in UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


@dataclass(slots=True)
class Counters:
    """Sums over some time; the fields are the counters' names in the store.

    `outbound` and `replies` count what was accepted for sending, whatever became
    of it. `reply_seconds` is how long `replies` waited for, `rating_sum` the points of
    `ratings` from 1 to 5; `call_seconds`, and `quality_sum` over `quality_count`
    from 0 to 5, are those of `calls`. `sla_breaches` counts what was overdue by a policy.
    """

    inbound: int = 0
    outbound: int = 0
    sessions: int = 0
    replies: int = 0
    reply_seconds: float = 0.0
    resolved: int = 0
    ratings: int = 0
    rating_sum: int = 0
    calls: int = 0
    call_seconds: float = 0.0
    quality_count: int = 0
    quality_sum: float = 0.0
    sla_breaches: int = 0

    @classmethod
    def read(cls, data: Mapping[str, object]) -> Counters:
        """Take the counters out of a document's fields; what is not a number counts as 0."""
        numbers = {name: data.get(name) for name in COUNTERS}
        return cls(**{name: value for name, value in numbers.items() if isinstance(value, int | float)})  # type: ignore[arg-type]  # counters are numbers

    def add(self, other: Counters) -> None:
        for name in COUNTERS:
            setattr(self, name, getattr(self, name) + getattr(other, name))

    def nonzero(self) -> dict[str, float]:
        """The counters that were raised, by name."""
        return {name: value for name in COUNTERS if (value := getattr(self, name))}

    @property
    def messages(self) -> int:
        """In both directions."""
        return self.inbound + self.outbound

    @property
    def response_time(self) -> float:
        """Seconds from a customer's first unanswered message until an answer was accepted, on average, one decimal."""
        return _mean(self.reply_seconds, self.replies)

    @property
    def satisfaction(self) -> float:
        """The average rating from 1 to 5, one decimal."""
        return _mean(self.rating_sum, self.ratings)

    @property
    def resolution_rate(self) -> float:
        """Resolved sessions in percent of those begun, 0 to 100, one decimal."""
        return min(100.0, _mean(100 * self.resolved, self.sessions))

    @property
    def minutes(self) -> float:
        return round(max(0.0, self.call_seconds) / 60, 1)

    @property
    def call_quality(self) -> float:
        """From 0 to 5, one decimal: what providers told of calls, and how customers rated those sessions."""
        return _mean(self.quality_sum + self.rating_sum, self.quality_count + self.ratings)


COUNTERS = tuple(field.name for field in fields(Counters))


def _mean(total: float, number: int) -> float:
    return round(max(0.0, total) / number, 1) if number > 0 else 0.0


@dataclass(frozen=True, slots=True)
class Row:
    """What one channel type counted from `at` on, for an hour or five minutes."""

    at: datetime
    channel: ChannelType
    counters: Counters


@dataclass(frozen=True, slots=True)
class Bucket:
    """All that was counted from `at` to the next bucket."""

    at: datetime
    counters: Counters


def total(rows: Iterable[Row]) -> Counters:
    """Everything together."""
    summed = Counters()
    for row in rows:
        summed.add(row.counters)
    return summed


def by_channel(rows: Iterable[Row]) -> dict[ChannelType, Counters]:
    """The channel types that counted anything."""
    summed: dict[ChannelType, Counters] = {}
    for row in rows:
        summed.setdefault(row.channel, Counters()).add(row.counters)
    return {channel: counters for channel, counters in sorted(summed.items()) if counters.nonzero()}


def buckets(rows: Iterable[Row], over: Window) -> list[Bucket]:
    """One bucket after the other without gaps; none at all when nothing was counted."""
    summed = {start: Counters() for start in over.starts()}
    empty = True
    for row in rows:
        counters = summed.get(floor(row.at, over.step))
        if counters is not None and row.counters.nonzero():
            counters.add(row.counters)
            empty = False
    return [] if empty else [Bucket(at, counters) for at, counters in summed.items()]


Sums: TypeAlias = dict[str, int | float]
"""Counters by name, as they are stored."""


class HourDocument(BaseModel):
    """What one instance counted in an hour (`day` is `YYYY-MM-DD`), and in its five minutes, `00` to `11`.

    The hour's counters are fields beside these.
    """

    model_config = ConfigDict(extra="allow")

    tenant_id: str
    instance_id: str
    channel: ChannelType
    hour: datetime
    day: str
    fives: dict[str, Sums] = Field(default_factory=dict)

    @property
    def counters(self) -> Counters:
        return Counters.read(self.model_extra or {})


class DayDocument(BaseModel):
    """A tenant's day: its hours by channel type, and its instances. Without `covered_until` it was only corrected."""

    tenant_id: str | None = None
    day: str | None = None
    covered_until: datetime | None = None
    hours: dict[str, dict[str, Sums]] = Field(default_factory=dict)
    instances: dict[str, Sums] = Field(default_factory=dict)

    @property
    def start(self) -> datetime:
        return datetime.fromisoformat(f"{self.day}T00:00:00+00:00")


class RollUpState(BaseModel):
    """`finished` is the hour of the last whole pass; `hour`, `day` and `after` (a tenant) say where the next one is."""

    finished: datetime | None = None
    hour: datetime | None = None
    day: Annotated[date | None, PlainSerializer(lambda day: day and day.isoformat())] = None
    after: str = ""
    claimed_until: datetime | None = None

    def begin(self, now: datetime, claim: timedelta, furthest_back: timedelta) -> None:
        """Continue the pass that is under way, else begin a new one; `claim` is how long nobody else may."""
        self.claimed_until = now + claim
        if self.hour is None or self.day is None:
            self.hour = floor(now, HOUR)
            yesterday = floor(now, DAY) - DAY
            since = self.finished or now - furthest_back
            self.day = max(min(floor(since, DAY) - DAY, yesterday), floor(now - furthest_back, DAY)).date()

    def finish(self) -> None:
        self.finished, self.hour, self.day, self.after = self.hour, None, None, ""
