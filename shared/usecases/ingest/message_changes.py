"""Changes of stored messages: receipts, edits, deletions, reactions.

Providers deliver these in any order, also before the message itself. Then a
note is stored under the message's id, which the message takes over when it comes.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TypeAlias

from shared.deps import Deps
from shared.documents import ids
from shared.documents.retry import run_with_retry
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.event_log import EventTopic
from shared.domain.inbound import MessageDeleted, MessageEdited, ReactionChanged, Receipt, Watermark
from shared.domain.instances import Instance
from shared.domain.messages import (
    Author,
    Direction,
    EarlyNote,
    ErasedMessage,
    Message,
    MessageAlias,
    MessageNote,
    MessageStatus,
    later_status,
)
from shared.usecases import realtime
from shared.usecases.conversations import file_copies
from shared.usecases.outbox import unknown_outcomes
from shared.usecases.reporting import campaign_results

log = logging.getLogger(__name__)

# A note whose message never came is of no use to anybody after this long.
_NOTE_LIFE = timedelta(days=7)
_PAGE = 50
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)

_Record: TypeAlias = Message | MessageNote
"""A message, or the note about one that has not come yet: the same rules decide what either takes in."""


def apply_receipt(deps: Deps, instance: Instance, receipt: Receipt) -> None:
    """Move the message's status forward; it never goes back.

    A receipt may be the first to tell that the provider has a message, and under which id.
    """

    def change(record: _Record) -> None:
        status = later_status(record.status, receipt.status)
        if status is not record.status:
            record.status = status
            _note_receipt(deps, record, status)
            record.error = receipt.error if status is MessageStatus.DEAD else None

    def attempt(unit: UnitOfWork) -> bool:
        """Returns whether the message was only settled now, and is still to be changed."""
        message_id = ids.provider_message(instance.id, receipt.external_message_id)
        record = _record(unit, message_id)
        if not isinstance(record, Message) and unknown_outcomes.settle_by_receipt(deps, unit, instance, receipt):
            return True
        former_status = record.status if isinstance(record, Message) else None
        _change_record(deps, unit, message_id, record, change)
        if isinstance(record, Message) and record.direction is Direction.OUTBOUND:
            if record.status is not former_status:
                campaign_results.follow(unit, record, deps.now())
            _tell_what_became(deps, unit, instance, record, receipt)
        return False

    if run_with_retry(deps, attempt):
        _change(deps, instance, receipt.external_message_id, change)


def _tell_what_became(deps: Deps, unit: UnitOfWork, instance: Instance, message: Message, receipt: Receipt) -> None:
    """Tell people in the message's conversation, once, where the receipt has a note for them."""
    if receipt.note is None or receipt.note_id is None:
        return
    note_id = ids.provider_message(instance.id, receipt.note_id)
    if unit.message_records.collided_with(note_id) is not None:
        return
    now = deps.now()
    note = Message(
        id=note_id,
        tenant_id=message.tenant_id,
        instance_id=message.instance_id,
        conversation_id=message.conversation_id,
        customer_id=message.customer_id,
        direction=Direction.SYSTEM,
        author=Author.SYSTEM,
        text=receipt.note,
        status=MessageStatus.RECEIVED,
        sent_at=now,
        created_at=now,
    )
    unit.messages.add(note)
    realtime.message_created(deps, unit, note)


def apply_edit(deps: Deps, instance: Instance, edit: MessageEdited) -> None:
    """Replace the text, and the files where the edit has some, unless a later edit is already there."""
    attachments = None if edit.attachments is None else list(edit.attachments)

    def change(record: _Record) -> None:
        if edit.by_customer and not _may_be_customers(record):
            return
        if _is_made_here(record, edit):
            return
        if record.edited_at is None or record.edited_at < edit.edited_at:
            record.edit(edit.text, attachments, edit.edited_at)

    _change(deps, instance, edit.external_message_id, change, if_known=edit.if_known)


def _is_made_here(record: _Record, edit: MessageEdited) -> bool:
    """Whether a provider reports an edit of a message of the business that says so already."""
    is_ours = isinstance(record, Message) and record.direction is Direction.OUTBOUND
    return is_ours and record.text == edit.text and edit.attachments is None


def apply_deletion(deps: Deps, instance: Instance, deletion: MessageDeleted, received_at: datetime) -> None:
    """Mark the message as deleted by its author; its content stays for the record of the business."""

    def change(record: _Record) -> None:
        if deletion.by_customer and not _may_be_customers(record):
            return
        record.deleted_at = record.deleted_at or deletion.deleted_at or received_at

    _change(deps, instance, deletion.external_message_id, change, if_known=deletion.if_known)


def _may_be_customers(record: _Record) -> bool:
    """Whether a customer may change it; of a message that has not come yet that is seen when it comes."""
    if isinstance(record, MessageNote):
        record.by_customer = True
        return True
    if record.direction is Direction.INBOUND:
        return True
    log.warning("dropped a customer's change of a message of the business", extra={"message_id": record.id})
    return False


def apply_reaction(deps: Deps, instance: Instance, reaction: ReactionChanged) -> None:
    """Keep each person's latest reaction on the message; an empty one takes it away.

    A reaction to a message that is not stored is dropped.
    """

    def change(record: _Record) -> None:
        if isinstance(record, Message):
            record.react(reaction.sender_key, reaction.emoji, reaction.reacted_at)

    _change(deps, instance, reaction.external_message_id, change)


def _note_receipt(deps: Deps, record: _Record, status: MessageStatus) -> None:
    if isinstance(record, Message):
        record.receipts = {**record.receipts, status.value: deps.now()}


def apply_watermark(deps: Deps, instance: Instance, watermark: Watermark) -> None:
    """Everything sent to a chat up to a time was delivered or read.

    From the newest message back, until a page has nothing to mark: an earlier watermark has reached that far.
    """
    unit = UnitOfWork(deps.store)
    chat = unit.identities.owned_or_none(instance.tenant_id, ids.identity(instance.id, watermark.chat_key))
    if chat is None or chat.conversation_id is None:
        return
    cursor: str | None = None
    while True:
        has_marked, cursor = run_with_retry(deps, partial(_mark_page, deps, chat.conversation_id, watermark, cursor))
        if cursor is None or not has_marked:
            return


def _mark_page(
    deps: Deps, conversation_id: str, watermark: Watermark, cursor: str | None, unit: UnitOfWork
) -> tuple[bool, str | None]:
    query = unit.messages.query().where(lambda message: message.conversation_id, "==", conversation_id)
    query = query.order_by(lambda message: message.sent_at, descending=True)
    page = query.order_by(lambda message: message.created_at, descending=True).tracked_page(_PAGE, cursor)
    has_marked = False
    for message in page.documents:
        if message.sent_at <= watermark.until and message.external_message_id:
            status = later_status(message.status, watermark.status)
            if status is not message.status:
                has_marked, message.status = True, status
                _note_receipt(deps, message, status)
                campaign_results.follow(unit, message, watermark.until)
                realtime.message_updated(deps, unit, message, EventTopic.STATUS)
    return has_marked, page.cursor


def _change(
    deps: Deps,
    instance: Instance,
    external_message_id: str,
    change: Callable[[_Record], None],
    *,
    if_known: bool = False,
) -> None:
    """Apply `change` to the message; where it has not come yet, to the note that waits for it, unless `if_known`."""
    message_id = ids.provider_message(instance.id, external_message_id)

    def attempt(unit: UnitOfWork) -> None:
        record = _record(unit, message_id)
        if if_known and not isinstance(record, Message):
            log.info("dropped a change of an unknown message")
        else:
            _change_record(deps, unit, message_id, record, change)

    run_with_retry(deps, attempt)


def _record(unit: UnitOfWork, message_id: str) -> Message | EarlyNote | ErasedMessage | None:
    """The message, followed to our own document when the provider's id is only another name for it; else the note."""
    record = unit.message_records.get(message_id)
    if not isinstance(record, MessageAlias):
        return record
    return unit.messages.of_any_tenant(record.alias_of) or ErasedMessage(erased_at=_LONG_AGO)


def _change_record(
    deps: Deps,
    unit: UnitOfWork,
    message_id: str,
    record: Message | EarlyNote | ErasedMessage | None,
    change: Callable[[_Record], None],
) -> None:
    """Change the message, else the note that waits for it; a note is made for what has none."""
    if isinstance(record, ErasedMessage):
        return
    if isinstance(record, Message):
        former = record.model_copy()
        change(record)
        file_copies.order(deps, unit, record, former.attachments)
        if _is_changed(former, record):
            topic = EventTopic.MESSAGE if former.status is record.status else EventTopic.STATUS
            realtime.message_updated(deps, unit, record, topic)
        return
    if record is not None:
        change(record.early)
        return
    early = MessageNote()
    change(early)
    if early != MessageNote():
        unit.message_records.add(EarlyNote(early=early, expires_at=deps.now() + _NOTE_LIFE), message_id)


def _is_changed(former: Message, message: Message) -> bool:
    """Whether it has another status, or somebody edited it, deleted it, or reacted to it."""
    return (former.status, former.edited_at, former.deleted_at, former.reactions) != (
        message.status,
        message.edited_at,
        message.deleted_at,
        message.reactions,
    )
