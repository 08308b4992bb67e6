"""The log of a tenant's realtime events, by which a client that was away for a while gets what it missed.

Events are kept for those tenants alone of whom somebody has followed them within the last days, or who have a webhook
endpoint, so that nobody else pays for it. An event is written in the commit of what it tells, with a delivery for each
endpoint that wants it: neither can be lost. There is no counter that all writers would have to raise: a position
(`Position`) says how far a client has come.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from shared.deps import Deps
from shared.documents.retry import run_with_retry
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.event_log import (
    SETTLES_WITHIN,
    EndpointFilter,
    EventStream,
    EventTopic,
    LoggedEvent,
    Position,
)
from shared.domain.events import EndpointEvent, RealtimeEvent, Topic
from shared.domain.ids import stable_id
from shared.domain.webhook_endpoints import WebhookDelivery

KEPT = timedelta(days=7)
"""How long an event is kept; who was away longer reads the lists again."""

MOST = 500
"""Events of a page."""

_WANTED = timedelta(hours=72)
_RENEWED = timedelta(hours=48)
_SPREADS_WITHIN = timedelta(seconds=60)
_LOST_AFTER = timedelta(minutes=1)
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


@dataclass(frozen=True, slots=True)
class Subject:
    """What an event is about: its topic, None for what no webhook endpoint is told, and what it happened to."""

    topic: EventTopic | None
    id: str


def is_kept(deps: Deps, tenant_id: str) -> bool:
    """Whether the tenant's events are kept, as this process knows it."""
    return _stream(deps, tenant_id).is_kept(deps.now())


def add(deps: Deps, unit: UnitOfWork, event: RealtimeEvent, subject: Subject) -> list[WebhookDelivery]:
    """Keep an event with the unit's commit, which must follow within seconds.

    Returns its deliveries to webhook endpoints, which `wake` has made after the commit.
    """
    at = deps.now()
    logged = LoggedEvent(
        id=event.id,
        tenant_id=event.tenant_id,
        at=at,
        event=event.model_dump_json(),
        name=event.name,
        topic=subject.topic,
        subject=subject.id,
        room=event.room,
        expires_at=at + KEPT,
    )
    unit.event_log.add(logged)
    endpoints = [each for each in _stream(deps, event.tenant_id).endpoints if each.wants(logged)]
    return [unit.webhook_deliveries.add(_delivery(deps, endpoint, logged)) for endpoint in endpoints]


def _delivery(deps: Deps, endpoint: EndpointFilter, logged: LoggedEvent) -> WebhookDelivery:
    return new_delivery(
        deps,
        logged,
        delivery_id=stable_id(endpoint.id, logged.id),
        endpoint_id=endpoint.id,
        lane=stable_id(endpoint.id, logged.subject),
        is_due=endpoint.noted_until is None,
    )


def new_delivery(
    deps: Deps, logged: LoggedEvent, *, delivery_id: str, endpoint_id: str, lane: str, is_due: bool = True
) -> WebhookDelivery:
    """A delivery of an event. The sweep finds one that is due a minute later, where the wake-up was lost."""
    now = deps.now()
    return WebhookDelivery(
        id=delivery_id,
        tenant_id=logged.tenant_id,
        endpoint_id=endpoint_id,
        event_id=logged.id,
        type=logged.name,
        topic=logged.topic,
        lane=lane,
        subject=logged.subject,
        at=logged.at,
        due_at=now + _LOST_AFTER if is_due else None,
        created_at=now,
        updated_at=now,
        expires_at=now + KEPT,
    )


def wake(deps: Deps, deliveries: Iterable[WebhookDelivery]) -> None:
    """Have these deliveries made, each lane of them in its order; those of an endpoint that is paused wait."""
    lanes = {each.lane: each for each in deliveries if each.due_at is not None}
    for each in lanes.values():
        wake_lane(deps, each.tenant_id, each.endpoint_id, each.lane)


def wake_lane(deps: Deps, tenant_id: str, endpoint_id: str, lane: str, delay: float = 0.0) -> None:
    """Have what is open in a lane delivered, or without a lane what is open in all lanes of the endpoint."""
    event = EndpointEvent(tenant_id=tenant_id, endpoint_id=endpoint_id, lane=lane)
    deps.bus.publish(Topic.EVENTS, event, key=lane or endpoint_id, delay=delay)


def follow(deps: Deps, tenant_id: str) -> EventStream:
    """Have a tenant's events kept for the next days. Costs a write once a day."""
    stream = _stream(deps, tenant_id)
    if stream.kept_until - deps.now() >= _RENEWED:
        return stream

    def attempt(unit: UnitOfWork) -> EventStream:
        stream = stream_to_change(deps, unit, tenant_id)
        stream.kept_until = deps.now() + _WANTED
        return stream

    stream = run_with_retry(deps, attempt)
    forget(deps, tenant_id)
    return stream


def stream_to_change(deps: Deps, unit: UnitOfWork, tenant_id: str) -> EventStream:
    """The tenant's stream, of which somebody wants the events from now on; it belongs to the unit.

    Call `forget` after the commit.
    """
    now = deps.now()
    stream = unit.event_streams.get(tenant_id)
    if stream is None:
        stream = unit.event_streams.add(EventStream(tenant_id=tenant_id, kept_since=now, kept_until=_NEVER))
    elif not stream.is_kept(now):
        stream.kept_since = now
    return stream


def forget(deps: Deps, tenant_id: str) -> None:
    """The tenant's stream has changed; other processes learn it within a minute."""
    deps.cache.forget(_cache_key(tenant_id))


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
