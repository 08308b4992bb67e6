"""Changing messages that were sent: what is asked of the provider, and what becomes of the message then.

The stored message says what the customer sees, so it is changed once the provider has done it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial

from pydantic import BaseModel

from shared.channel.changes import SupportsDeletions, SupportsEdits
from shared.channel.outbound import Sent
from shared.channel.presence import SupportsReadMarks
from shared.channels import ability
from shared.deps import Deps
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.instances import Instance
from shared.domain.messages import Message
from shared.domain.outbox import Change, OutboxItem, OutboxPayload, OutboxStatus
from shared.errors import BadRequest
from shared.usecases import realtime
from shared.usecases.outbox import parts

_DONE = {"edit": "edited", "delete": "deleted"}


def call(deps: Deps, instance: Instance, config: BaseModel, item: OutboxItem, change: Change) -> Callable[[], Sent]:
    """The call that makes a change at the provider.

    Raises `NotFound` for a message that is not there, `BadRequest` for one that the provider never had.
    """
    if change.action == "read":
        return partial(_mark_read, deps, instance, config, item.payload, change)
    unit = UnitOfWork(deps.store)
    unit.fetch(unit.messages.key(change.message_id), unit.outbox.key(change.message_id))
    message = unit.messages.owned(item.tenant_id, change.message_id)
    sent_parts = _sent_parts(instance, unit.outbox.owned(item.tenant_id, change.message_id), message)
    if not sent_parts:
        raise BadRequest("the message was not sent")
    if change.action == "delete":
        return partial(_delete_all, deps, instance, config, sent_parts)
    payload, external_id = next((part for part in sent_parts if part[0].text), sent_parts[0])
    new = payload.model_copy(update={"text": item.payload.text, "spans": item.payload.spans})
    return partial(_edit, deps, instance, config, new, external_id)


def _sent_parts(instance: Instance, item: OutboxItem, message: Message) -> list[tuple[OutboxPayload, str]]:
    """What of the message is out, with the provider's ids."""
    external_ids = item.part_ids
    if not external_ids and item.status is OutboxStatus.SENT:
        external_ids = [message.external_message_id or ""]
    return list(zip(parts.payloads_of(instance, item.payload), external_ids, strict=False))


def _edit(deps: Deps, instance: Instance, config: BaseModel, payload: OutboxPayload, external_id: str) -> Sent:
    channel_edits = ability(instance.adapter, SupportsEdits[BaseModel])
    if channel_edits is None:
        raise BadRequest("this channel cannot change a message after it was sent")
    channel_edits.edit(deps, instance, config, payload, external_id)
    return Sent(external_message_id=None)


def _delete_all(deps: Deps, instance: Instance, config: BaseModel, sent_parts: list[tuple[OutboxPayload, str]]) -> Sent:
    channel_deletions = ability(instance.adapter, SupportsDeletions[BaseModel])
    if channel_deletions is None:
        raise BadRequest("this channel cannot take back a message that was sent")
    for payload, external_id in sent_parts:
        channel_deletions.delete(deps, instance, config, payload, external_id)
    return Sent(external_message_id=None)


def _mark_read(deps: Deps, instance: Instance, config: BaseModel, payload: OutboxPayload, change: Change) -> Sent:
    marks = ability(instance.adapter, SupportsReadMarks[BaseModel])
    if marks is None:
        raise BadRequest("this channel has no read marks")
    marks.mark_read(deps, instance, config, payload, change.external_ids)
    return Sent(external_message_id=None)


def record(deps: Deps, unit: UnitOfWork, item: OutboxItem, change: Change) -> None:
    """Write down that the provider has made a change, and tell the joined clients."""
    message = None
    if change.action != "read":
        message = unit.messages.owned_or_none(item.tenant_id, change.message_id)
    if message is None:
        return
    apply(message, change, item.payload, deps.now())
    realtime.message_updated(deps, unit, message)


def apply(message: Message, change: Change, payload: OutboxPayload, now: datetime) -> None:
    """Make the stored message what it was changed into; the provider's own report may have done so before."""
    text = payload.text
    message.note = None
    if change.grows:
        message.text, message.spans = text, payload.spans
        return
    if change.action == "delete":
        message.deleted_at = message.deleted_at or now
    elif message.text != text:
        message.edit(text, None, now)
        message.spans = None
    else:
        message.edited_at = now


def record_refusal(unit: UnitOfWork, change: Change, detail: str) -> str | None:
    """Note on the message that it stayed as it was; returns the title of the notification, if it is worth one."""
    if change.action == "read":
        return None
    done = _DONE[change.action]
    unit.messages.patch(change.message_id, note=f"it could not be {done}: {detail}")
    return f"A message could not be {done}"
