"""What dashboards show, from the counters alone: the cost does not depend on how many messages there were.

A finished day is one document per tenant (see `rollups`); only the hours that
are not rolled up yet are read one by one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.deps import Deps
from shared.domain.analytics import (
    DAY,
    FIVE_MINUTES,
    HOUR,
    Bucket,
    Counters,
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
from shared.ports.store import Document, Order, Where
from shared.usecases import refs

_PAGE = 500


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
    connected = [Where("tenant_id", "==", tenant_id), Where("status", "==", InstanceStatus.CONNECTED.value)]
    return Overview(
        total=total(rows),
        active_channels=deps.store.count("instances", connected),
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
    rated = [row for row in _rows(deps, tenant_id, over) if row.counters.ratings or row.counters.rating_sum]
    return Satisfaction(total(rated), by_channel(rated), buckets(rated, trend_of(range_, over)))


def instance_counters(deps: Deps, tenant_id: str, instance_ids: Sequence[str]) -> dict[str, Counters]:
    """All counters of the instances over the last 30 days; every id asked for is in the answer.

    The cost does not depend on how many ids are asked for.
    """
    counted = {instance_id: Counters() for instance_id in instance_ids}
    over = window(Range.MONTH, deps.now())
    days, live_from = _days(deps, tenant_id, over)
    parts = [part for day in days for part in day.data["instances"].items()]
    parts += [(document.data["instance_id"], document.data) for document in _live(deps, tenant_id, live_from)]
    for instance_id, data in parts:
        if instance_id in counted:
            counted[instance_id].add(Counters.read(data))
    return counted


def _rows(deps: Deps, tenant_id: str, over: Window) -> list[Row]:
    """What was counted in the window: by five minutes if its buckets are that small, else by hour."""
    if over.step == FIVE_MINUTES:
        live = _live(deps, tenant_id, floor(over.start, HOUR))
        return [row for row in _by_five_minutes(live) if over.start <= row.at < over.end]
    days, live_from = _days(deps, tenant_id, over)
    live = _live(deps, tenant_id, live_from)
    rows = [*_by_hour(days), *(_row(document.data["hour"], document.data, document.data) for document in live)]
    return [row for row in rows if over.start <= row.at < over.end]


def _days(deps: Deps, tenant_id: str, over: Window) -> tuple[list[Document], datetime]:
    """The window's roll-ups, and from when on the hours have to be read: yesterday at the earliest."""
    yesterday = floor(deps.now(), DAY) - DAY
    first = min(floor(over.start, DAY), yesterday)
    last = floor(deps.now(), DAY)
    wanted = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    found = deps.store.get([refs.stats_day(tenant_id, day.date()) for day in wanted])
    days = list(found.values())
    # A day that was only corrected and never rolled up says nothing of how far it goes.
    covered = [day.data["covered_until"] for day in days if "covered_until" in day.data]
    return [day for day in days if "covered_until" in day.data], max([yesterday, *covered])


def _live(deps: Deps, tenant_id: str, since: datetime) -> Iterator[Document]:
    """The hourly counters since a time that is at most two days ago."""
    where = [Where("tenant_id", "==", tenant_id), Where("hour", ">=", since)]
    cursor: str | None = None
    while True:
        page = deps.store.find("stats", where, [Order("hour")], _PAGE, cursor)
        yield from page.documents
        cursor = page.cursor
        if cursor is None:
            return


def _by_hour(days: Iterable[Document]) -> Iterator[Row]:
    for day in days:
        midnight = datetime.fromisoformat(f"{day.data['day']}T00:00:00+00:00")
        for hour, channels in day.data["hours"].items():
            for channel, counters in channels.items():
                yield Row(midnight + HOUR * int(hour), ChannelType(channel), Counters.read(counters))


def _by_five_minutes(documents: Iterable[Document]) -> Iterator[Row]:
    for document in documents:
        for number, counters in document.data.get("fives", {}).items():
            yield _row(document.data["hour"] + FIVE_MINUTES * int(number), document.data, counters)


def _row(at: datetime, document: dict[str, object], counters: dict[str, object]) -> Row:
    return Row(at, ChannelType(str(document["channel"])), Counters.read(counters))
