"""What dashboards show, from the counters alone: the cost does not depend on how many messages there were.

A finished day is one document per tenant (see `rollups`); only the hours that
are not rolled up yet are read one by one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain

from shared.deps import Deps
from shared.documents import ids
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.analytics import (
    DAY,
    FIVE_MINUTES,
    HOUR,
    Bucket,
    Counters,
    DayDocument,
    HourDocument,
    Range,
    Row,
    Window,
    buckets,
    by_channel,
    floor,
    total,
    trend_of,
    window,
)
from shared.domain.instances import ChannelType, InstanceStatus


@dataclass(frozen=True, slots=True)
class Overview:
    """All channels of a tenant over a range."""

    total: Counters
    active_channels: int
    channels: dict[ChannelType, Counters]
    trend: list[Bucket]


@dataclass(frozen=True, slots=True)
class Performance:
    """One channel type, or all, over a range; `hours` has a bucket for each hour of it."""

    total: Counters
    hours: list[Bucket]


@dataclass(frozen=True, slots=True)
class Satisfaction:
    """The ratings of a range."""

    total: Counters
    channels: dict[ChannelType, Counters]
    trend: list[Bucket]


def overview(deps: Deps, tenant_id: str, range_: Range) -> Overview:
    """What happened in the range, and how many channels are connected now."""
    over = window(range_, deps.now())
    rows = _rows(deps, tenant_id, over)
    instances = UnitOfWork(deps.store).instances.query().where(lambda instance: instance.tenant_id, "==", tenant_id)
    connected = instances.where(lambda instance: instance.status, "==", InstanceStatus.CONNECTED)
    return Overview(
        total=total(rows),
        active_channels=connected.count(),
        channels=by_channel(rows),
        trend=buckets(rows, trend_of(range_, over)),
    )


def performance(deps: Deps, tenant_id: str, channel: ChannelType | None, range_: Range) -> Performance:
    """How a channel type did in the range; all of them together without `channel`."""
    over = window(range_, deps.now())
    rows = [row for row in _rows(deps, tenant_id, over) if channel in (None, row.channel)]
    return Performance(total(rows), buckets(rows, over.split(HOUR)))


def satisfaction(deps: Deps, tenant_id: str, range_: Range) -> Satisfaction:
    """How customers rated what was resolved; without ratings there are no channels and no trend."""
    over = window(range_, deps.now())
    rated = [row for row in _rows(deps, tenant_id, over) if row.counters.ratings]
    return Satisfaction(total(rated), by_channel(rated), buckets(rated, trend_of(range_, over)))


def instance_counters(deps: Deps, tenant_id: str, instance_ids: Sequence[str]) -> dict[str, Counters]:
    """All counters of these instances over the last 30 days, by id.

    The cost does not depend on how many ids there are.
    """
    sums = {instance_id: Counters() for instance_id in instance_ids}
    over = window(Range.MONTH, deps.now())
    days, hours_from = _days(deps, tenant_id, over)
    counted = [(instance_id, Counters.read(data)) for day in days for instance_id, data in day.instances.items()]
    counted += [(hour.instance_id, hour.counters) for hour in _hours(deps, tenant_id, hours_from)]
    for instance_id, counters in counted:
        if instance_id in sums:
            sums[instance_id].add(counters)
    return sums


def _rows(deps: Deps, tenant_id: str, over: Window) -> list[Row]:
    """What was counted in the window: by five minutes if its buckets are that small, else by hour."""
    if over.step == FIVE_MINUTES:
        rows = _rows_of_five_minutes(_hours(deps, tenant_id, floor(over.start, HOUR)))
    else:
        days, hours_from = _days(deps, tenant_id, over)
        hours = _hours(deps, tenant_id, hours_from)
        rows = chain(_rows_of_days(days), (Row(hour.hour, hour.channel, hour.counters) for hour in hours))
    return [row for row in rows if over.start <= row.at < over.end]


def _days(deps: Deps, tenant_id: str, over: Window) -> tuple[list[DayDocument], datetime]:
    """The window's roll-ups, and from when on the hours have to be read: yesterday at the earliest."""
    yesterday = floor(deps.now(), DAY) - DAY
    first = min(floor(over.start, DAY), yesterday)
    last = floor(deps.now(), DAY)
    dates = [(first + timedelta(days=n)).date() for n in range((last - first).days + 1)]
    documents = UnitOfWork(deps.store).days.get_many(ids.day(tenant_id, date) for date in dates)
    # A day that was only corrected and never rolled up does not say up to when it is complete.
    days = [day for day in documents if day.covered_until is not None]
    covered = [day.covered_until for day in days if day.covered_until is not None]
    return days, max([yesterday, *covered])


def _hours(deps: Deps, tenant_id: str, since: datetime) -> Iterator[HourDocument]:
    """The hourly counters since a time that is at most two days ago."""
    query = UnitOfWork(deps.store).hours.query().where(lambda hour: hour.tenant_id, "==", tenant_id)
    query = query.where(lambda hour: hour.hour, ">=", since).order_by(lambda hour: hour.hour)
    return query.every()


def _rows_of_days(days: Iterable[DayDocument]) -> Iterator[Row]:
    for day in days:
        for hour, channels in day.hours.items():
            for channel, counters in channels.items():
                yield Row(day.start + HOUR * int(hour), ChannelType(channel), Counters.read(counters))


def _rows_of_five_minutes(hours: Iterable[HourDocument]) -> Iterator[Row]:
    for hour in hours:
        for number, counters in hour.fives.items():
            yield Row(hour.hour + FIVE_MINUTES * int(number), hour.channel, Counters.read(counters))
