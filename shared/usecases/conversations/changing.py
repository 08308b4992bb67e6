"""Somebody edits or deletes a message that the business has sent."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

from shared.channelkit.styled_text import utf16_length
from shared.channels import channel
from shared.deps import Deps
from shared.documents.collection import of_tenant
from shared.documents.retry import run_with_retry
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.ids import new_id
from shared.domain.instances import Instance
from shared.domain.messages import Direction, Message, MessageKind, MessageStatus, Span
from shared.domain.outbox import Change, OutboxItem, OutboxStatus
from shared.errors import BadRequest, ChannelName, Collision, NotFound, Unprocessable
from shared.logs import current_trace
from shared.usecases import realtime
from shared.usecases.conversations.sending import Accepted
from shared.usecases.instances import instance_lookup
from shared.usecases.outbox import enqueueing, message_changes

# A change whose wake-up was lost in a crash is looked at by the sweep after this long.
_SWEEP_AFTER = timedelta(seconds=60)


def edit(deps: Deps, tenant_id: str, message_id: str, text: str) -> Accepted:
    """Have a message say something else. Files stay.

    Raises `BadRequest` for a text that its channel cannot carry in one message, `Unprocessable` where the channel does
    not edit this one (any more), `Collision` for one that was deleted, and `NotFound`.
    """
    if not text.strip():
        raise BadRequest.of_field("text", "is empty", "give a text, or delete the message")
    return _change(deps, tenant_id, Change(action="edit", message_id=message_id), text)


def delete(deps: Deps, tenant_id: str, message_id: str) -> Accepted:
    """Take a message away from everybody; the business keeps what it said. Raises as `edit`."""
    return _change(deps, tenant_id, Change(action="delete", message_id=message_id), None)


def _change(deps: Deps, tenant_id: str, change: Change, text: str | None) -> Accepted:
    return run_with_retry(deps, lambda unit: _attempt(deps, unit, tenant_id, change, text))


def _attempt(deps: Deps, unit: UnitOfWork, tenant_id: str, change: Change, text: str | None) -> Accepted:
    unit.fetch(unit.message_records.key(change.message_id), unit.outbox.key(change.message_id))
    # A client may name what is no message, but another name of one.
    record = unit.message_records.get(change.message_id)
    message = of_tenant(tenant_id, record if isinstance(record, Message) else None)
    if message is None:
        raise NotFound("Message not found")
    item = unit.outbox.owned_or_none(tenant_id, change.message_id)
    if item is None or message.direction is not Direction.OUTBOUND:
        raise Unprocessable("only what was sent from here can be changed")
    instance = instance_lookup.by_id(deps, tenant_id, message.instance_id)
    _check(deps, instance, message, item, change, text)
    return Accepted(message, make(deps, unit, instance, message, item, change, text))


def _check(
    deps: Deps, instance: Instance, message: Message, item: OutboxItem, change: Change, text: str | None
) -> None:
    if message.deleted_at is not None:
        raise Collision("this message was deleted")
    if message.kind is MessageKind.REACTION:
        raise Unprocessable("a reaction is taken back by one with an empty emoji")
    if item.status is OutboxStatus.DEAD and not item.part_ids:
        raise Unprocessable("this message was not sent")
    if change.action == "edit" and (item.payload.template is not None or item.payload.poll is not None):
        raise Unprocessable("a template or a poll cannot be edited")
    capabilities = channel(instance.adapter).capabilities
    if text is not None and utf16_length(text) > capabilities.text_limit:
        raise BadRequest.of_field("text", f"has more than the {capabilities.text_limit} characters of one message")
    if not is_waiting(item):
        _check_channel(deps, instance, message, change)


def _check_channel(deps: Deps, instance: Instance, message: Message, change: Change) -> None:
    capabilities = channel(instance.adapter).capabilities
    if change.action == "edit":
        is_able, within, done = capabilities.edits, capabilities.edits_within, "edited"
    else:
        is_able, within, done = capabilities.deletions, capabilities.deletions_within, "deleted"
    name = ChannelName(instance.type)
    if not is_able:
        raise Unprocessable((name, f" messages cannot be {done} here once they are sent"))
    if within is not None and deps.now() > message.sent_at + within:
        raise Unprocessable((name, f" messages can be {done} only within {_in_words(within)}"))


def _in_words(duration: timedelta) -> str:
    minutes = duration // timedelta(minutes=1)
    return f"{minutes} minutes" if minutes < 120 else f"{minutes // 60} hours"


def is_waiting(item: OutboxItem) -> bool:
    """Whether nothing of it can have reached the provider, so that it is changed where it waits."""
    may_be_sent = item.status is OutboxStatus.PENDING or (
        item.status is OutboxStatus.FAILED and item.reason == "unavailable"
    )
    return may_be_sent and item.parts_sent == 0 and item.unknown_since is None


def make(
    deps: Deps,
    unit: UnitOfWork,
    instance: Instance,
    message: Message,
    item: OutboxItem,
    change: Change,
    text: str | None,
    spans: list[Span] | None = None,
) -> OutboxItem:
    """Change a message in the queue, where it still waits there, else by an item of its own behind it.

    Returns the item that carries the change. In the queue the item's version keeps a worker from sending it as it was.
    """
    if not is_waiting(item):
        return _enqueue(deps, unit, instance, item, change, text, spans)
    now = deps.now()
    if change.action == "edit":
        item.payload = item.payload.model_copy(update={"text": text, "spans": spans})
    message_changes.apply(message, change, item.payload, now)
    if change.action == "delete":
        item.status, item.open, item.reason = OutboxStatus.DEAD, False, "deleted"
        item.due_at = item.next_retry_at = None
        message.status, message.error = MessageStatus.DEAD, "deleted before it was sent"
    item.updated_at = now
    realtime.message_updated(deps, unit, message)
    return item


def _enqueue(
    deps: Deps,
    unit: UnitOfWork,
    instance: Instance,
    item: OutboxItem,
    change: Change,
    text: str | None,
    spans: list[Span] | None,
) -> OutboxItem:
    """A change takes its turn behind what the conversation has to send, the message itself perhaps among it."""
    now, trace = deps.now(), current_trace()
    changes = {"change": change} if text is None else {"change": change, "text": text, "spans": spans}
    unit.after_commit(partial(enqueueing.wake, deps, item.tenant_id, item.conversation_id, instance))
    return unit.outbox.add(
        OutboxItem(
            id=new_id(),
            tenant_id=item.tenant_id,
            conversation_id=item.conversation_id,
            instance_id=item.instance_id,
            payload=item.payload.model_copy(update=changes),
            is_reply=item.is_reply,
            due_at=now + _SWEEP_AFTER,
            traceparent=trace.traceparent if trace else None,
            created_at=now,
            updated_at=now,
        )
    )
