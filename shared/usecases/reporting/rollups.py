"""Rolling the hourly counters up into one document per tenant and day, so that a month costs thirty reads.

Once an hour a pass goes over the days from yesterday on (or from where the last
pass ended, after a standstill), tenant by tenant. A roll-up is computed anew
from its hours each time, so running it twice, or late counts, do no harm. What
a pass cannot finish within one run is left to the next run.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from itertools import groupby

from shared.deps import Deps
from shared.documents import ids
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.analytics import DAY, HOUR, Counters, DayDocument, HourDocument, RollUpState, floor, start_of
from shared.errors import AlreadyExists, Conflict

_MAX_DOCUMENTS = 10_000
_FURTHEST_BACK = timedelta(days=30)
# An hour is rolled up when this much more has gone by: what was on its way then is counted by now.
_LATENESS = HOUR
_CLAIM = timedelta(minutes=10)


def roll_up(deps: Deps) -> int:
    """Continue this hour's pass; returns how many roll-ups were written."""
    state = _claim(deps)
    if state is None:
        return 0
    written = _continue(deps, state)
    state.claimed_until = None
    unit = UnitOfWork(deps.store)
    unit.roll_up.put(state, ids.ROLL_UP)
    unit.commit()
    return written


def _claim(deps: Deps) -> RollUpState | None:
    """The state of the pass to continue; None when it is finished, or another process has claimed it."""
    unit = UnitOfWork(deps.store)
    state = unit.roll_up.get(ids.ROLL_UP) or unit.roll_up.add(RollUpState(), ids.ROLL_UP)
    now = deps.now()
    if state.finished == floor(now, HOUR) or (state.claimed_until and state.claimed_until > now):
        return None
    state.begin(now, _CLAIM, _FURTHEST_BACK)
    try:
        unit.commit()
    except (Conflict, AlreadyExists):
        return None
    return state


def _continue(deps: Deps, state: RollUpState) -> int:
    written = documents_read = 0
    hour, day = state.hour, state.day
    if hour is None or day is None:
        return 0
    covered_until = hour - _LATENESS
    while start_of(day) < covered_until:
        for tenant_id, hours in _hours_by_tenant(deps, day, state.after):
            unit = UnitOfWork(deps.store)
            unit.days.put(_rolled_up(tenant_id, day, covered_until, hours), ids.day(tenant_id, day))
            unit.commit()
            state.after = tenant_id
            written += 1
            documents_read += len(hours)
            if documents_read >= _MAX_DOCUMENTS:
                return written
        day += timedelta(days=1)
        state.day, state.after = day, ""
    state.finish()
    return written


def _hours_by_tenant(deps: Deps, day: date, after: str) -> Iterator[tuple[str, list[HourDocument]]]:
    """The counters of a day by tenant: for each at most 24 hours times its instances times the shards."""
    query = UnitOfWork(deps.store).hours.query().where(lambda hour: hour.day, "==", day.isoformat())
    query = query.where(lambda hour: hour.tenant_id, ">", after).order_by(lambda hour: hour.tenant_id)
    for tenant_id, hours in groupby(query.every(), key=lambda hour: hour.tenant_id):
        yield tenant_id, list(hours)


def _rolled_up(tenant_id: str, day: date, covered_until: datetime, hours: Sequence[HourDocument]) -> DayDocument:
    by_hour: dict[str, dict[str, Counters]] = {}
    by_instance: dict[str, Counters] = {}
    for document in hours:
        if document.hour >= covered_until:
            continue
        by_channel = by_hour.setdefault(f"{document.hour:%H}", {})
        by_channel.setdefault(document.channel.value, Counters()).add(document.counters)
        by_instance.setdefault(document.instance_id, Counters()).add(document.counters)
    return DayDocument(
        tenant_id=tenant_id,
        day=day.isoformat(),
        covered_until=min(covered_until, start_of(day) + DAY),
        hours={
            hour: {channel: counters.nonzero() for channel, counters in channels.items()}
            for hour, channels in by_hour.items()
        },
        instances={instance_id: counters.nonzero() for instance_id, counters in by_instance.items()},
    )
