"""Writing down the outcome of a delivery: sent, to be tried again, or dead."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Any

from shared.channel.outbound import Sent
from shared.deps import Deps
from shared.documents import ids
from shared.documents.retry import run_with_retry
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.conversations import Owner
from shared.domain.ids import new_id
from shared.domain.instances import Instance
from shared.domain.messages import Direction, EarlyNote, Message, MessageAlias, MessageStatus, changes_by_note
from shared.domain.notifications import Notification
from shared.domain.outbox import OUTCOME_UNKNOWN, OutboxItem, OutboxStatus
from shared.usecases import realtime
from shared.usecases.instances.instance_documents import label
from shared.usecases.outbox import message_changes
from shared.usecases.outbox.parts import Part
from shared.usecases.reporting import campaign_results, notifications

log = logging.getLogger(__name__)

_AFTER_SENT = frozenset({MessageStatus.DELIVERED, MessageStatus.READ})
# An item whose worker died between two parts is looked at by the sweep after this long.
_SWEEP_AFTER = timedelta(seconds=60)


def record_sent(deps: Deps, instance: Instance, item: OutboxItem, sent: Sent, part: Part) -> None:
    """Settle an item as sent with its last part, and keep the provider's ids beside ours, so that receipts find it.

    The item may have been settled otherwise when the lease ran out: that the provider took the message is the truth.
    """
    run_with_retry(deps, lambda unit: record_sent_in(deps, unit, instance, item, sent, part))


def record_sent_in(deps: Deps, unit: UnitOfWork, instance: Instance, item: OutboxItem, sent: Sent, part: Part) -> None:
    """As `record_sent`, in a unit that also does something else."""
    if item.payload.change is not None:
        unit.outbox.patch(item.id, **_progress(deps, item, part))
        message_changes.record(deps, unit, item, item.payload.change)
        return
    if part.count > 1:
        _record_part(deps, unit, item, sent, part)
    else:
        unit.outbox.patch(item.id, **_progress(deps, item, part))
        changes = {"external_message_id": sent.external_message_id, "error": None}
        note = {"note": sent.note} if sent.note else {}
        status = _sent_status(unit, instance, item, sent)
        unit.messages.patch(item.id, status=status, **changes, **note)
        _follow(unit, item, status, deps.now())
    if part.is_last:
        realtime.message_status_changed(deps, unit, item)
    if sent.external_conversation_id and sent.external_conversation_id != item.payload.external_conversation_id:
        unit.conversations.patch(item.conversation_id, external_conversation_id=sent.external_conversation_id)
    first = () if sent.external_message_id is None else (sent.external_message_id,)
    for external_id in (*first, *sent.further_ids):
        _add_alias(unit, item, ids.provider_message(instance.id, external_id))


def _sent_status(unit: UnitOfWork, instance: Instance, item: OutboxItem, sent: Sent) -> MessageStatus:
    """`SENT`, or what receipts have told since one of them settled the item before its sender could."""
    if sent.external_message_id is None:
        return MessageStatus.SENT
    record = unit.message_records.collided_with(ids.provider_message(instance.id, sent.external_message_id))
    if not isinstance(record, MessageAlias) or record.alias_of != item.id:
        return MessageStatus.SENT
    message = unit.messages.owned_or_none(item.tenant_id, item.id)
    return message.status if message is not None and message.status in _AFTER_SENT else MessageStatus.SENT


def _record_part(deps: Deps, unit: UnitOfWork, item: OutboxItem, sent: Sent, part: Part) -> None:
    """A receipt of an earlier part may have told more of the message than that it was sent."""
    unit.fetch(unit.outbox.key(item.id), unit.messages.key(item.id))
    current = unit.outbox.owned_or_none(item.tenant_id, item.id)
    message = unit.messages.owned_or_none(item.tenant_id, item.id)
    if current is None or message is None or current.parts_sent != item.parts_sent:
        return
    current.part_ids = [*current.part_ids, sent.external_message_id or ""]
    current.note = "; ".join(note for note in (current.note, sent.note) if note) or None
    unit.outbox.patch(item.id, **_progress(deps, item, part))
    if part.number == 0:
        message.external_message_id = sent.external_message_id
    if part.is_last:
        message.error, message.note = None, current.note
        message.status = message.status if message.status in _AFTER_SENT else MessageStatus.SENT
        _follow(unit, item, message.status, deps.now())


def _follow(unit: UnitOfWork, item: OutboxItem, status: MessageStatus, now: datetime, error: str | None = None) -> None:
    """Tell the campaign whose message it is."""
    if item.campaign_id is not None:
        campaign_results.follow_status(unit, item.tenant_id, item.id, status, now, error)


def _progress(deps: Deps, item: OutboxItem, part: Part) -> dict[str, Any]:
    """The item's fields after a part was sent: settled with the last one, else soon to be gone on with."""
    now = deps.now()
    is_last = part.is_last
    progress = {} if part.count == 1 else {"parts_sent": part.number + 1, "attempts": 0}
    outcome = {} if item.unknown_since is None else {"unknown_since": None, "lookups": 0}
    return (
        progress
        | {
            "status": OutboxStatus.SENT if is_last else OutboxStatus.PENDING,
            "open": not is_last,
            "due_at": None if is_last else now + _SWEEP_AFTER,
            "next_retry_at": None,
            "reason": None,
            "error": None,
            "updated_at": now,
        }
        | outcome
    )


def _add_alias(unit: UnitOfWork, item: OutboxItem, record_id: str) -> None:
    """The provider's echo or receipt may overtake its answer to us: our message takes over what it says."""
    record = unit.message_records.collided_with(record_id)
    if isinstance(record, Message) and record.direction is Direction.INBOUND:
        log.error("the provider gave our message the id of a customer's", extra={"message_id": item.id})
        return
    if isinstance(record, EarlyNote | Message):
        note = record.early.about_ours() if isinstance(record, EarlyNote) else record
        changes = changes_by_note(MessageStatus.SENT, note)
        unit.messages.patch(item.id, **changes)
        _follow(unit, item, changes.get("status", MessageStatus.SENT), item.updated_at, changes.get("error"))
    if isinstance(record, Message) and item.payload.automatic:
        _end_false_pause(unit, item)
    if record is None:
        unit.message_records.add(MessageAlias(alias_of=item.id), record_id)
    else:
        unit.message_records.put(MessageAlias(alias_of=item.id), record_id)


def _end_false_pause(unit: UnitOfWork, item: OutboxItem) -> None:
    """What seemed to be written on the business's own phone was the echo of an automatic message."""
    conversation = unit.conversations.owned_or_none(item.tenant_id, item.conversation_id)
    if conversation is not None and conversation.owner is Owner.HUMAN and conversation.holder_id is None:
        conversation.give_to_bot()


def record_unavailable(deps: Deps, unit: UnitOfWork, item: OutboxItem, pause: float, detail: str) -> None:
    """The provider cannot take the item now: it is tried again after `pause` seconds."""
    now = deps.now()
    item.status, item.reason, item.error = OutboxStatus.FAILED, "unavailable", detail
    item.next_retry_at = item.due_at = now + timedelta(seconds=pause)
    item.updated_at = now
    item.note_failure(now, "unavailable", detail)
    if not item.is_change:
        unit.messages.patch(item.id, status=MessageStatus.FAILED, error=detail)
        realtime.message_status_changed(deps, unit, item)


def _incomplete(item: OutboxItem) -> str:
    """The note of a message of which only some parts are out: a receipt of these may hide that it died."""
    count = item.parts_sent
    sent = "only its first part was sent" if count == 1 else f"only its first {count} parts were sent"
    return f"{item.note}; {sent}" if item.note else sent


def record_dead(
    deps: Deps, unit: UnitOfWork, item: OutboxItem, reason: str, detail: str, instance: Instance | None
) -> None:
    """The item is not sent again by itself; the tenant is notified."""
    now = deps.now()
    item.status, item.open, item.reason, item.error = OutboxStatus.DEAD, False, reason, detail
    item.due_at = item.next_retry_at = None
    item.updated_at = now
    item.note_failure(now, reason, detail)
    error = reason if reason in detail else f"{reason}: {detail}"
    title: str | None = "A message was not delivered"
    if item.payload.change is not None:
        title = message_changes.record_refusal(unit, item.payload.change, detail)
    else:
        note = {"note": _incomplete(item)} if item.parts_sent else {}
        unit.messages.patch(item.id, status=MessageStatus.DEAD, error=error, **note)
        _follow(unit, item, MessageStatus.DEAD, now, error)
        realtime.message_status_changed(deps, unit, item)
        title = "A message may not have been delivered" if reason == OUTCOME_UNKNOWN else title
    if title is None:
        return
    notifications.add(
        deps,
        unit,
        Notification(
            id=f"dead-{item.id}-{new_id()}",
            tenant_id=item.tenant_id,
            type="message_dead",
            title=title,
            message=f"{label(instance) if instance else 'A deleted channel'}: {reason}: {detail}",
            conversation_id=item.conversation_id,
            created_at=now,
        ),
    )
