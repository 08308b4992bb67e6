"""Telling webhook endpoints what happened: each event at least once, those of a conversation in their order.

The stored deliveries are the truth; an event on the bus only wakes a worker, and what it loses the sweep finds.
Deliveries of one lane (an endpoint's conversation) are made one after the other, and one that fails holds back those
behind it. It is tried again for a day. An endpoint that nobody reaches is called by one delivery at a time, and the
first one that gets there has all the others made. One that takes nothing for a day is paused.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.deps import Deps
from shared.documents.query import DocumentUnit, Query
from shared.documents.retry import run_with_retry
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.ids import stable_id
from shared.domain.notifications import Notification
from shared.domain.webhook_endpoints import (
    GIVEN_UP_AFTER,
    PAUSES,
    DeliveryStatus,
    EndpointState,
    WebhookDelivery,
    WebhookEndpoint,
)
from shared.errors import Conflict
from shared.security.origins import origin
from shared.usecases import event_log
from shared.usecases.endpoints import calling, endpoints
from shared.usecases.endpoints.calling import Outcome, PayloadOf
from shared.usecases.reporting import notifications

log = logging.getLogger(__name__)

_PAGE = 50
_SLOT_SECONDS = 10.0
_LONGEST_BODY = 200_000
WOKEN_WITHIN = timedelta(seconds=60)
"""What is due by then the bus wakes, and the sweep only where that was lost; what is due later the sweep wakes."""


def due(deps: Deps) -> Query[WebhookDelivery]:
    """The deliveries whose wake-up was lost, or whose pause is over."""
    query = UnitOfWork(deps.store).webhook_deliveries.query().where(lambda each: each.open, "==", True)
    return query.where(lambda each: each.due_at, "<=", deps.now()).order_by(lambda each: each.due_at)


def due_endpoints(deps: Deps) -> Query[WebhookEndpoint]:
    """The endpoints all of whose lanes are to be looked at."""
    query = UnitOfWork(deps.store).webhook_endpoints.query().where(lambda each: each.due_at, "<=", deps.now())
    return query.order_by(lambda each: each.due_at)


def wake(deps: Deps, delivery: WebhookDelivery) -> None:
    """Have a delivery's lane looked at."""
    event_log.wake_lane(deps, delivery.tenant_id, delivery.endpoint_id, delivery.lane)


def deliver(deps: Deps, tenant_id: str, endpoint_id: str, lane: str, payload_of: PayloadOf) -> None:
    """Make the open deliveries of a lane, the oldest first, until one has to wait; without a lane wake all of them."""
    if not lane:
        _wake_all(deps, tenant_id, endpoint_id)
        return
    while True:
        endpoint = UnitOfWork(deps.store).webhook_endpoints.owned_or_none(tenant_id, endpoint_id)
        page = _open_in(UnitOfWork(deps.store), lane).unit_page(_PAGE)
        for document in page.documents:
            wait = _step(deps, endpoint, document, payload_of)
            if wait is not None:
                _put_off(deps, lane, wait)
                return
        if page.cursor is None:
            return


def _open_in(unit: UnitOfWork, lane: str) -> Query[WebhookDelivery]:
    query = unit.webhook_deliveries.query().where(lambda each: each.lane, "==", lane)
    return query.where(lambda each: each.open, "==", True).order_by(lambda each: each.at)


@dataclass(frozen=True, slots=True)
class _Wait:
    """A lane has to wait until a time, or without one until its endpoint goes on."""

    until: datetime | None


def _step(
    deps: Deps, endpoint: WebhookEndpoint | None, document: DocumentUnit[WebhookDelivery], payload_of: PayloadOf
) -> _Wait | None:
    """Deal with the oldest open delivery of a lane; None when those behind it need not wait."""
    delivery, now = document.read(), deps.now()
    if endpoint is None:
        _end(document, delivery, now, "the webhook was deleted")
        return None
    if endpoint.state is not EndpointState.ACTIVE:
        return _Wait(None)
    until = max((at for at in (endpoint.retry_at, delivery.next_retry_at) if at is not None), default=now)
    if until > now:
        return _Wait(until)
    body = delivery.body or calling.body_of_event(deps, delivery, payload_of)
    if body is None:
        _end(document, delivery, now, "the event is not kept any more")
        return None
    with deps.sending.slot(endpoint.id) as has_slot:
        if not has_slot:
            event_log.wake_lane(deps, delivery.tenant_id, endpoint.id, delivery.lane, _SLOT_SECONDS)
            return _Wait(now + WOKEN_WITHIN)
        outcome = calling.call(deps, endpoint, delivery.event_id, body)
    return _settle(deps, document, endpoint, outcome, body)


def _end(document: DocumentUnit[WebhookDelivery], delivery: WebhookDelivery, now: datetime, why: str) -> None:
    delivery.error, delivery.updated_at = why, now
    delivery.end(DeliveryStatus.DEAD)
    document.unit.commit()


def _settle(
    deps: Deps, document: DocumentUnit[WebhookDelivery], endpoint: WebhookEndpoint, outcome: Outcome, body: str
) -> _Wait | None:
    """Write down what came of a call."""

    def attempt(unit: UnitOfWork) -> _Wait | None:
        delivery = unit.webhook_deliveries.owned_or_none(endpoint.tenant_id, document.id)
        if delivery is None or not delivery.open:
            return None
        note_call(delivery, endpoint, outcome, body)
        if not outcome.is_success:
            return _note_failure(deps, unit, delivery, outcome)
        delivery.end(DeliveryStatus.DELIVERED)
        if endpoint.failing_since is not None:
            _note_success(deps, unit, delivery)
        return None

    return run_with_retry(deps, attempt, unit=document.unit)


def note_call(delivery: WebhookDelivery, endpoint: WebhookEndpoint, outcome: Outcome, body: str) -> None:
    """Write down in the delivery what was sent and answered."""
    delivery.note(outcome.attempt, outcome.answer)
    delivery.url, delivery.body = endpoint.url, body if len(body) <= _LONGEST_BODY else None


def _note_success(deps: Deps, unit: UnitOfWork, delivery: WebhookDelivery) -> None:
    endpoint = unit.webhook_endpoints.owned_or_none(delivery.tenant_id, delivery.endpoint_id)
    if endpoint is None:
        return
    if endpoint.retry_at is not None:
        unit.after_commit(lambda: event_log.wake_lane(deps, delivery.tenant_id, delivery.endpoint_id, ""))
    endpoint.reached()


def _note_failure(deps: Deps, unit: UnitOfWork, delivery: WebhookDelivery, outcome: Outcome) -> _Wait | None:
    endpoint = unit.webhook_endpoints.owned_or_none(delivery.tenant_id, delivery.endpoint_id)
    if endpoint is None:
        delivery.end(DeliveryStatus.DEAD)
        return None
    now = deps.now()
    delivery.status = DeliveryStatus.FAILED
    delivery.refusals += not outcome.is_unreachable
    endpoint.failing_since = endpoint.failing_since or now
    is_last = outcome.is_unreachable or delivery.refusals > len(PAUSES)
    if outcome.is_gone:
        return _pause(deps, unit, delivery, endpoint, "it answered 410, which says that it is gone for good")
    if is_last and now - endpoint.failing_since >= GIVEN_UP_AFTER:
        return _pause(
            deps, unit, delivery, endpoint, f"it has taken nothing since {endpoint.failing_since:%d %B, %H:%M} UTC"
        )
    if outcome.is_unreachable:
        return _retry(deps, unit, delivery, endpoint.unreachable(now))
    if is_last:
        delivery.end(DeliveryStatus.DEAD)
        unit.after_commit(lambda: _notify_of_dead(deps, endpoint, delivery))
        return None
    pause = max(PAUSES[delivery.refusals - 1], timedelta(seconds=outcome.retry_after))
    return _retry(deps, unit, delivery, now + pause)


def _retry(deps: Deps, unit: UnitOfWork, delivery: WebhookDelivery, at: datetime) -> _Wait:
    delivery.next_retry_at = delivery.due_at = at
    delay = at - deps.now()
    if delay <= WOKEN_WITHIN:
        delivery.due_at = at + WOKEN_WITHIN
        unit.after_commit(
            lambda: event_log.wake_lane(
                deps, delivery.tenant_id, delivery.endpoint_id, delivery.lane, delay.total_seconds()
            )
        )
    return _Wait(at)


def _pause(deps: Deps, unit: UnitOfWork, delivery: WebhookDelivery, endpoint: WebhookEndpoint, reason: str) -> _Wait:
    """Call it no more. Nothing is lost: what is open waits until somebody has it go on."""
    delivery.next_retry_at = delivery.due_at = None
    if endpoint.state is EndpointState.ACTIVE:
        log.warning("a webhook was paused", extra={"endpoint_id": endpoint.id, "reason": reason})
        endpoints.pause(deps, unit, endpoint, EndpointState.PAUSED_BY_HUB, reason)
        notification = Notification(
            id=stable_id("webhook paused", endpoint.id, str(endpoint.paused_at)),
            tenant_id=endpoint.tenant_id,
            type="webhook_paused",
            title="Webhook paused",
            message=f"{_public_name(endpoint)} is called no more: {reason}. What happens is kept for seven days; "
            "mend it and let it go on.",
            created_at=deps.now(),
        )
        notifications.add(deps, unit, notification)
    return _Wait(None)


def _notify_of_dead(deps: Deps, endpoint: WebhookEndpoint, delivery: WebhookDelivery) -> None:
    """Tell people once a day that an endpoint has refused an event for good."""
    day = f"{deps.now():%Y-%m-%d}"
    notification = Notification(
        id=stable_id("webhook refused", endpoint.id, day),
        tenant_id=endpoint.tenant_id,
        type="webhook_refused",
        title="Webhook refused an event",
        message=f"{_public_name(endpoint)} has refused {delivery.type} for a day, at last with "
        f"{delivery.answer_status or delivery.error}. Its deliveries tell more, and can be sent again there.",
        created_at=deps.now(),
    )
    notifications.notify_once(deps, notification)


def _public_name(endpoint: WebhookEndpoint) -> str:
    """Without its path and query, which may be secret."""
    return endpoint.description or "A webhook at {1}".format(*origin(endpoint.url))


def _put_off(deps: Deps, lane: str, wait: _Wait) -> None:
    """Have the sweep leave alone what waits in a lane for its oldest delivery."""
    cursor: str | None = None
    while True:
        unit = UnitOfWork(deps.store)
        page = _open_in(unit, lane).tracked_page(_PAGE, cursor)
        for delivery in page.documents:
            if wait.until is None:
                delivery.due_at = None
            elif delivery.due_at is None or delivery.due_at < wait.until:
                delivery.due_at = wait.until + WOKEN_WITHIN
        with suppress(Conflict):  # somebody else is at it
            unit.commit()
        cursor = page.cursor
        if cursor is None:
            return


def _wake_all(deps: Deps, tenant_id: str, endpoint_id: str) -> None:
    """Have every lane of an endpoint looked at, and what waits for its next attempt made now."""
    began = deps.now()
    if UnitOfWork(deps.store).webhook_endpoints.owned_or_none(tenant_id, endpoint_id) is None:
        return
    query = UnitOfWork(deps.store).webhook_deliveries.query().where(lambda each: each.endpoint_id, "==", endpoint_id)
    query = query.where(lambda each: each.open, "==", True).order_by(lambda each: each.at)
    lanes: set[str] = set()
    cursor: str | None = None
    while True:
        page = query.unit_page(_PAGE, cursor)
        for document in page.documents:
            delivery = document.read()
            if delivery.lane in lanes:
                continue
            lanes.add(delivery.lane)
            delivery.next_retry_at, delivery.due_at = None, deps.now() + WOKEN_WITHIN
            with suppress(Conflict):  # somebody else is at it
                document.unit.commit()
            wake(deps, delivery)
        cursor = page.cursor
        if cursor is None:
            break

    def note(unit: UnitOfWork) -> None:
        endpoint = unit.webhook_endpoints.owned_or_none(tenant_id, endpoint_id)
        if endpoint is not None and endpoint.due_at is not None and endpoint.due_at <= began:
            endpoint.due_at = None

    run_with_retry(deps, note)
