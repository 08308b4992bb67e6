"""Rolling the hourly counters up into one document per tenant and day, so that a month costs thirty reads.

Once an hour a pass goes over the days from yesterday on (or from where the last
pass ended, after a standstill), tenant by tenant. A roll-up is computed anew
from its hours each time, so running it twice, or late counts, do no harm. What
a pass cannot finish within one run is the next run's.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from itertools import groupby

from pydantic import BaseModel

from shared.deps import Deps
from shared.domain.analytics import DAY, HOUR, Counters, floor, start_of
from shared.errors import AlreadyExists, Conflict
from shared.ports.store import Create, Document, Order, Set, Where
from shared.usecases import refs

_PAGE = 500
_MOST_DOCUMENTS = 10_000
_FURTHEST_BACK = timedelta(days=30)
# An hour is rolled up when this much more has gone by: what was on its way then is counted by now.
_LATENESS = HOUR
_CLAIM = timedelta(minutes=10)


class RollUp(BaseModel):
    """`finished` is the hour of the last whole pass; `hour`, `day` and `after` (a tenant) say where the next one is."""

    finished: datetime | None = None
    hour: datetime | None = None
    day: date | None = None
    after: str = ""
    claimed_until: datetime | None = None

    def begin(self, now: datetime) -> None:
        """Take up the pass that is under way, else a new one."""
        self.claimed_until = now + _CLAIM
        if self.hour is None or self.day is None:
            self.hour = floor(now, HOUR)
            yesterday = floor(now, DAY) - DAY
            since = self.finished or now - _FURTHEST_BACK
            self.day = max(min(floor(since, DAY) - DAY, yesterday), floor(now - _FURTHEST_BACK, DAY)).date()

    def end(self) -> None:
        self.finished, self.hour, self.day, self.after = self.hour, None, None, ""


def roll_up(deps: Deps) -> int:
    """Go on with this hour's pass; returns how many roll-ups were written."""
    ref = refs.roll_up_state()
    document = deps.store.get([ref]).get(ref)
    state = RollUp.model_validate(document.data) if document else RollUp()
    now = deps.now()
    if state.finished == floor(now, HOUR) or (state.claimed_until and state.claimed_until > now):
        return 0
    state.begin(now)
    try:
        _save(deps, state, document)
    except (Conflict, AlreadyExists):
        return 0
    written = _go_on(deps, state)
    state.claimed_until = None
    deps.store.commit([Set(ref, state.model_dump(mode="json"))])
    return written


def _save(deps: Deps, state: RollUp, document: Document | None) -> None:
    ref, data = refs.roll_up_state(), state.model_dump(mode="json")
    deps.store.commit([Set(ref, data, document.version) if document else Create(ref, data)])


def _go_on(deps: Deps, state: RollUp) -> int:
    written = seen = 0
    hour, day = state.hour, state.day
    if hour is None or day is None:
        return 0
    covered = hour - _LATENESS
    while start_of(day) < covered:
        for tenant_id, documents in _tenants(deps, day, state.after):
            deps.store.commit([_rolled(tenant_id, day, covered, documents)])
            state.after = tenant_id
            written += 1
            seen += len(documents)
            if seen >= _MOST_DOCUMENTS:
                return written
        day += timedelta(days=1)
        state.day, state.after = day, ""
    state.end()
    return written


def _tenants(deps: Deps, day: date, after: str) -> Iterator[tuple[str, list[Document]]]:
    """Each tenant's counters of a day: at most 24 hours times its instances times the shards."""
    for tenant_id, documents in groupby(_hours(deps, day, after), key=lambda document: str(document.data["tenant_id"])):
        yield tenant_id, list(documents)


def _hours(deps: Deps, day: date, after: str) -> Iterator[Document]:
    where = [Where("day", "==", day.isoformat()), Where("tenant_id", ">", after)]
    cursor: str | None = None
    while True:
        page = deps.store.find("stats", where, [Order("tenant_id")], _PAGE, cursor)
        yield from page.documents
        cursor = page.cursor
        if cursor is None:
            return


def _rolled(tenant_id: str, day: date, covered: datetime, documents: list[Document]) -> Set:
    hours: dict[str, dict[str, Counters]] = {}
    instances: dict[str, Counters] = {}
    for document in documents:
        data = document.data
        if data["hour"] >= covered:
            continue
        counters = Counters.read(data)
        hours.setdefault(f"{data['hour']:%H}", {}).setdefault(data["channel"], Counters()).add(counters)
        instances.setdefault(data["instance_id"], Counters()).add(counters)
    rolled = {
        "tenant_id": tenant_id,
        "day": day.isoformat(),
        "covered_until": min(covered, start_of(day) + DAY),
        "hours": {
            hour: {channel: counters.nonzero() for channel, counters in channels.items()}
            for hour, channels in hours.items()
        },
        "instances": {instance_id: counters.nonzero() for instance_id, counters in instances.items()},
    }
    return Set(refs.stats_day(tenant_id, day), rolled)
