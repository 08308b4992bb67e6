"""What became of telling a webhook endpoint, and telling it again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from shared.deps import Deps
from shared.documents.retry import run_with_retry
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.ids import new_id, stable_id
from shared.domain.webhook_endpoints import DeliveryStatus, EndpointState, WebhookDelivery, WebhookEndpoint
from shared.errors import Collision, NotFound
from shared.usecases import event_log
from shared.usecases.endpoints import calling, delivering, endpoints

TEST = "webhook-test"
"""The type of the event that a test sends."""

MOST_REPLAYED = 100
"""Events that are looked at in one step of a replay."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """How many deliveries one step of a replay has begun; `cursor` leads to the next step, None after the last."""

    count: int
    cursor: str | None


def list_page(
    deps: Deps, tenant_id: str, endpoint_id: str, status: DeliveryStatus | None, limit: int, cursor: str | None
) -> tuple[list[WebhookDelivery], str | None]:
    """The deliveries of the last week, the newest first, and the cursor of the next page; raises `NotFound`."""
    unit = UnitOfWork(deps.store)
    unit.webhook_endpoints.owned(tenant_id, endpoint_id)
    query = unit.webhook_deliveries.query().where(lambda each: each.endpoint_id, "==", endpoint_id)
    if status is not None:
        query = query.where(lambda each: each.status, "==", status)
    page = query.order_by(lambda each: each.created_at, descending=True).page(limit, cursor)
    return page.documents, page.cursor


def get(deps: Deps, tenant_id: str, endpoint_id: str, delivery_id: str) -> WebhookDelivery:
    """Raises `NotFound` for one of another endpoint, too."""
    return _owned(UnitOfWork(deps.store), tenant_id, endpoint_id, delivery_id)


def _owned(unit: UnitOfWork, tenant_id: str, endpoint_id: str, delivery_id: str) -> WebhookDelivery:
    delivery = unit.webhook_deliveries.owned(tenant_id, delivery_id)
    if delivery.endpoint_id != endpoint_id:
        raise NotFound("There is no such delivery")
    return delivery


def resend(deps: Deps, tenant_id: str, endpoint_id: str, delivery_id: str) -> WebhookDelivery:
    """Send an event again, with the id that it had: at once where it waits for its next attempt, else once more.

    Raises `NotFound`, and `Collision` while the endpoint is paused.
    """

    def attempt(unit: UnitOfWork) -> WebhookDelivery:
        _check_active(unit, tenant_id, endpoint_id)
        former = _owned(unit, tenant_id, endpoint_id, delivery_id)
        now = deps.now()
        if former.open:
            former.next_retry_at, former.due_at = None, now + delivering.WOKEN_WITHIN
            again = former
        else:
            again = unit.webhook_deliveries.add(
                WebhookDelivery(
                    **former.model_dump(
                        include={"tenant_id", "endpoint_id", "event_id", "type", "topic", "subject", "at", "body"}
                    ),
                    id=new_id(),
                    lane=new_id(),  # what it was sent with is over: it waits for nothing
                    due_at=now + delivering.WOKEN_WITHIN,
                    created_at=now,
                    updated_at=now,
                    expires_at=now + event_log.KEPT,
                )
            )
        unit.after_commit(lambda: delivering.wake(deps, again))
        return again

    return run_with_retry(deps, attempt)


def replay(
    deps: Deps, tenant_id: str, endpoint_id: str, since: datetime, until: datetime, cursor: str | None
) -> Replayed:
    """Send again what happened in a time and is still kept, with the ids that it had; one step of some events.

    What is sent again keeps its order, and does not wait for what happens now. Raises `NotFound`, and `Collision` while
    the endpoint is paused.
    """
    endpoint = _check_active(UnitOfWork(deps.store), tenant_id, endpoint_id)
    filters = endpoints.filter_of(endpoint)
    query = UnitOfWork(deps.store).event_log.query().where(lambda event: event.tenant_id, "==", tenant_id)
    query = query.where(lambda event: event.at, ">=", since).where(lambda event: event.at, "<", until)
    page = query.order_by(lambda event: event.at).page(MOST_REPLAYED, cursor)
    unit = UnitOfWork(deps.store)
    deliveries = [
        unit.webhook_deliveries.add(
            event_log.new_delivery(
                deps,
                event,
                delivery_id=new_id(),
                endpoint_id=endpoint_id,
                lane=stable_id(endpoint_id, "replay", event.subject),
            )
        )
        for event in page.documents
        if filters.matches(event)
    ]
    unit.commit()
    event_log.wake(deps, deliveries)
    return Replayed(len(deliveries), page.cursor)


def send_test(deps: Deps, tenant_id: str, endpoint_id: str) -> WebhookDelivery:
    """Call the endpoint once, now, paused or not, and tell what came of it. Raises `NotFound`."""
    endpoint = endpoints.get(deps, tenant_id, endpoint_id)
    now = deps.now()
    delivery = WebhookDelivery(
        id=new_id(),
        tenant_id=tenant_id,
        endpoint_id=endpoint_id,
        event_id=new_id(),
        type=TEST,
        lane="",
        at=now,
        created_at=now,
        updated_at=now,
        expires_at=now + event_log.KEPT,
    )
    body = calling.body_of(TEST, now, {"webhookId": endpoint_id})
    outcome = calling.call(deps, endpoint, delivery.event_id, body)
    delivering.note_call(delivery, endpoint, outcome, body)
    delivery.end(DeliveryStatus.DELIVERED if outcome.is_success else DeliveryStatus.DEAD)
    unit = UnitOfWork(deps.store)
    unit.webhook_deliveries.add(delivery)
    unit.commit()
    return delivery


def _check_active(unit: UnitOfWork, tenant_id: str, endpoint_id: str) -> WebhookEndpoint:
    endpoint = unit.webhook_endpoints.owned(tenant_id, endpoint_id)
    if endpoint.state is not EndpointState.ACTIVE:
        raise Collision("the webhook is paused: let it go on first", "status")
    return endpoint
