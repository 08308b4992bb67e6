"""Writing down the outcome of a delivery: sent, to be tried again, or dead."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from shared.channel.outbound import Sent
from shared.deps import Deps
from shared.documents import ids
from shared.documents.retry import run_with_retry
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.ids import new_id
from shared.domain.instances import Instance
from shared.domain.messages import (
    Direction,
    EarlyNote,
    Message,
    MessageAlias,
    MessageStatus,
    OutboxItem,
    OutboxStatus,
    changes_by_note,
)
from shared.domain.notifications import Notification
from shared.usecases.instances.instance_documents import label

log = logging.getLogger(__name__)


def record_sent(deps: Deps, instance: Instance, item: OutboxItem, sent: Sent) -> None:
    """Settle an item as sent, and keep the provider's ids of the message beside ours, so that receipts find it.

    The item may have been settled otherwise when the lease ran out: that the provider took the message is the truth.
    """
    run_with_retry(deps, lambda unit: _record_sent(deps, unit, instance, item, sent), retry_existing=True)


def _record_sent(deps: Deps, unit: UnitOfWork, instance: Instance, item: OutboxItem, sent: Sent) -> None:
    unit.outbox.patch(
        item.id,
        status=OutboxStatus.SENT,
        open=False,
        due_at=None,
        next_retry_at=None,
        reason=None,
        error=None,
        updated_at=deps.now(),
    )
    unit.messages.patch(item.id, status=MessageStatus.SENT, external_message_id=sent.external_message_id, error=None)
    if sent.note:
        unit.messages.patch(item.id, note=sent.note)
    if sent.external_conversation_id and sent.external_conversation_id != item.payload.external_conversation_id:
        unit.conversations.patch(item.conversation_id, external_conversation_id=sent.external_conversation_id)
    first = () if sent.external_message_id is None else (sent.external_message_id,)
    for external_id in (*first, *sent.further_ids):
        _add_alias(unit, item, ids.provider_message(instance.id, external_id))


def _add_alias(unit: UnitOfWork, item: OutboxItem, place_id: str) -> None:
    """The provider's echo or receipt may overtake its answer to us: our message takes over what it says."""
    place = unit.message_places.existing(place_id)
    if isinstance(place, Message) and place.direction is Direction.INBOUND:
        log.error("the provider gave our message the id of a customer's", extra={"message_id": item.id})
        return
    if isinstance(place, EarlyNote | Message):
        note = place.early if isinstance(place, EarlyNote) else place
        unit.messages.patch(item.id, **changes_by_note(MessageStatus.SENT, note))
    if place is None:
        unit.message_places.add(MessageAlias(alias_of=item.id), place_id)
    else:
        unit.message_places.put(MessageAlias(alias_of=item.id), place_id)


def record_unavailable(unit: UnitOfWork, item: OutboxItem, now: datetime, pause: float, detail: str) -> None:
    """The provider cannot take the item now: it is tried again after `pause` seconds."""
    item.status, item.reason, item.error = OutboxStatus.FAILED, "unavailable", detail
    item.next_retry_at = item.due_at = now + timedelta(seconds=pause)
    item.updated_at = now
    unit.messages.patch(item.id, status=MessageStatus.FAILED, error=detail)


def record_dead(
    unit: UnitOfWork, item: OutboxItem, now: datetime, reason: str, detail: str, instance: Instance | None
) -> None:
    """The item is not sent again by itself; the tenant is notified."""
    item.status, item.open, item.reason, item.error = OutboxStatus.DEAD, False, reason, detail
    item.due_at = item.next_retry_at = None
    item.updated_at = now
    error = reason if reason in detail else f"{reason}: {detail}"
    unit.messages.patch(item.id, status=MessageStatus.DEAD, error=error)
    may_be_delivered = reason == "outcome_unknown"
    unit.notifications.add(
        Notification(
            id=f"dead-{item.id}-{new_id()}",
            tenant_id=item.tenant_id,
            type="message_dead",
            title="A message may not have been delivered" if may_be_delivered else "A message was not delivered",
            message=f"{label(instance) if instance else 'A deleted channel'}: {reason}: {detail}",
            created_at=now,
        )
    )
