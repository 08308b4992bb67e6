"""The log of a tenant's realtime events, by which a client that was away for a while gets what it missed.

Events are kept for those tenants alone of whom somebody has followed them within the last days, so that nobody else
pays for it. An event is written in the commit of the change that it tells of, so that there is never one without the
other. There is no counter that all writers would have to raise: a position (`Position`) says how far a client has come.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from shared.deps import Deps
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.event_log import SETTLES_WITHIN, EventStream, LoggedEvent, Position
from shared.domain.events import RealtimeEvent

KEPT = timedelta(hours=24)
"""How long an event is kept; who was away longer reads the lists again."""

MOST = 500
"""Events of a page."""

_WANTED = timedelta(hours=72)
_RENEWED = timedelta(hours=48)
_SPREADS_WITHIN = timedelta(seconds=60)
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Step:
    """An event, and the position of whoever has had it."""

    event: RealtimeEvent
    logged: LoggedEvent
    position: Position


@dataclass(frozen=True, slots=True)
class Page:
    """Events in their order; `position` is that after them, and `has_more` says that others follow."""

    steps: list[Step]
    position: Position
    has_more: bool


def is_kept(deps: Deps, tenant_id: str) -> bool:
    """Whether somebody follows a tenant's events, so that they are kept."""
    return _stream(deps, tenant_id).kept_until > deps.now()


def add(deps: Deps, unit: UnitOfWork, event: RealtimeEvent) -> None:
    """Keep an event with the unit's commit, which must follow within seconds."""
    now = deps.now()
    unit.event_log.add(
        LoggedEvent(
            id=event.id, tenant_id=event.tenant_id, at=now, event=event.model_dump_json(), expires_at=now + KEPT
        )
    )


def follow(deps: Deps, tenant_id: str) -> EventStream:
    """Have a tenant's events kept for the next days. Costs a write once a day."""
    now, stream = deps.now(), _stream(deps, tenant_id)
    if stream.kept_until - now >= _RENEWED:
        return stream
    is_kept = stream.kept_until > now
    stream = EventStream(
        tenant_id=tenant_id, kept_since=stream.kept_since if is_kept else now, kept_until=now + _WANTED
    )
    unit = UnitOfWork(deps.store)
    unit.event_streams.put(stream)
    unit.commit()
    deps.cache.forget(_cache_key(tenant_id))
    return stream


def start(deps: Deps, tenant_id: str) -> Position:
    """The position past all that has happened so far."""
    now = deps.now()
    since = Position(now, now - SETTLES_WITHIN)
    events = _events_since(deps, tenant_id, since, MOST)
    return Position(now, since.settled_at, frozenset(event.key for event in events)).settled(events, now, now)


def is_too_old(deps: Deps, stream: EventStream, position: Position) -> bool:
    """Whether events after the position may be missing: they were deleted, or not kept by all processes yet."""
    # Processes on Google Cloud learn within a minute that somebody follows.
    spreads_within = timedelta(0) if deps.settings.backend == "embedded" else _SPREADS_WITHIN
    oldest = max(deps.now() - KEPT, stream.kept_since + spreads_within)
    return position.as_of < oldest


def after(deps: Deps, tenant_id: str, position: Position, limit: int = MOST) -> Page:
    """The events after a position, the oldest first."""
    now = deps.now()
    most = limit + len(position.recent)
    events = _events_since(deps, tenant_id, position, most + 1)
    has_more, events = len(events) > most, events[:most]
    steps, reached = [], position
    for event in events:
        if not position.covers(event):
            reached = reached.past(event, events, now)
            steps.append(Step(RealtimeEvent.model_validate_json(event.event), event, reached))
    if not has_more:
        reached = reached.settled(events, now, now)
    return Page(steps, reached, has_more)


def _events_since(deps: Deps, tenant_id: str, position: Position, limit: int) -> list[LoggedEvent]:
    query = UnitOfWork(deps.store).event_log.query().where(lambda event: event.tenant_id, "==", tenant_id)
    query = query.where(lambda event: event.at, ">=", position.settled_at)
    return query.order_by(lambda event: event.at).page(limit).documents


def _stream(deps: Deps, tenant_id: str) -> EventStream:
    return deps.cache.get(_cache_key(tenant_id), lambda: _read_stream(deps, tenant_id))


def _read_stream(deps: Deps, tenant_id: str) -> EventStream:
    stream = UnitOfWork(deps.store).event_streams.get(tenant_id)
    return stream or EventStream(tenant_id=tenant_id, kept_since=_NEVER, kept_until=_NEVER)


def _cache_key(tenant_id: str) -> tuple[str, str]:
    return ("event_stream", tenant_id)
