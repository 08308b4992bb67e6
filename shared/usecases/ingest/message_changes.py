"""What happens to a message after it was stored: receipts, edits, deletions, reactions.

Providers deliver these in any order, also before the message itself. Then a
note is left in the message's place, which the message takes up when it comes.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from shared.deps import Deps
from shared.domain.customers import Identity
from shared.domain.inbound import MessageDeleted, MessageEdited, ReactionChanged, Receipt, Watermark
from shared.domain.instances import Instance
from shared.domain.messages import Message, MessageNote, MessageStatus, later_status
from shared.errors import AlreadyExists, Conflict
from shared.ports.store import Create, Document, Merge, Order, Ref, Where, Write
from shared.usecases import refs
from shared.usecases.retrying import decide

log = logging.getLogger(__name__)

# A note whose message never came is of no use to anybody after this long.
_NOTE_LIFE = timedelta(days=7)
_PAGE = 50

_Record: TypeAlias = Message | MessageNote
"""A message, or the note about one that has not come yet: the same rules decide what either takes in."""


def apply_receipt(deps: Deps, instance: Instance, receipt: Receipt) -> None:
    """Move the message's status forward; it never goes back."""

    def change(record: _Record) -> dict[str, Any]:
        status = later_status(record.status, receipt.status)
        if status is record.status:
            return {}
        return {"status": status.value, "error": receipt.error if status is MessageStatus.DEAD else None}

    _change(deps, instance, receipt.external_message_id, change)


def apply_edit(deps: Deps, instance: Instance, edit: MessageEdited) -> None:
    """Replace the text, unless a later edit is already there."""

    def change(record: _Record) -> dict[str, Any]:
        if record.edited_at and record.edited_at >= edit.edited_at:
            return {}
        return {"text": edit.text, "edited_at": edit.edited_at}

    _change(deps, instance, edit.external_message_id, change, if_known=edit.if_known)


def apply_deletion(deps: Deps, instance: Instance, deletion: MessageDeleted, received_at: datetime) -> None:
    """Mark the message as deleted by its author; its content stays for the record of the business."""
    at = deletion.deleted_at or received_at

    def change(record: _Record) -> dict[str, Any]:
        return {} if record.deleted_at else {"deleted_at": at}

    _change(deps, instance, deletion.external_message_id, change, if_known=deletion.if_known)


def apply_reaction(deps: Deps, instance: Instance, reaction: ReactionChanged) -> None:
    """Keep each person's latest reaction on the message; an empty one takes it away.

    A reaction to a message that is not there is dropped.
    """
    who, at = reaction.sender_key, reaction.reacted_at

    def change(record: _Record) -> dict[str, Any]:
        if isinstance(record, MessageNote) or record.reacted_at.get(who, at) > at:
            return {}
        return {"reactions": {who: reaction.emoji}, "reacted_at": {who: at}}

    _change(deps, instance, reaction.external_message_id, change)


def apply_watermark(deps: Deps, instance: Instance, mark: Watermark) -> None:
    """Everything sent to a chat up to a time was delivered or read."""
    decide(lambda: _mark(deps, instance, mark))


def _mark(deps: Deps, instance: Instance, mark: Watermark) -> None:
    """From the newest message back, until a page has nothing to mark: an earlier mark has reached that far."""
    ref = refs.identity(instance.id, mark.chat_key)
    document = deps.store.get([ref]).get(ref)
    conversation_id = Identity.model_validate(document.data).conversation_id if document else None
    if conversation_id is None:
        return
    where = [Where("conversation_id", "==", conversation_id)]
    newest_first = [Order("sent_at", descending=True), Order("created_at", descending=True)]
    cursor: str | None = None
    while True:
        page = deps.store.find("messages", where, newest_first, _PAGE, cursor)
        writes = [write for message in page.documents if (write := _marked(message, mark)) is not None]
        if writes:
            deps.store.commit(writes)
        cursor = page.cursor
        if cursor is None or not writes:
            return


def _marked(document: Document, mark: Watermark) -> Write | None:
    message = Message.model_validate(document.data)
    if message.sent_at > mark.until or not message.external_message_id:
        return None
    status = later_status(message.status, mark.status)
    return None if status is message.status else Merge(document.ref, {"status": status.value}, document.version)


def _change(
    deps: Deps,
    instance: Instance,
    external_message_id: str,
    change: Callable[[_Record], dict[str, Any]],
    *,
    if_known: bool = False,
) -> None:
    """Apply `change` to the message; where it has not come yet, to the note that waits for it, unless `if_known`."""
    ref = refs.provider_message(instance.id, external_message_id)

    def attempt() -> None:
        document = _message_document(deps, ref)
        if document is not None and "early" not in document.data:
            if changes := change(Message.model_validate(document.data)):
                deps.store.commit([Merge(document.ref, changes, document.version)])
        elif if_known:
            log.info("dropped what was done to an unknown message")
        else:
            _change_note(deps, ref, document, change)

    decide(attempt)


def _message_document(deps: Deps, ref: Ref) -> Document | None:
    """The message, followed to our own document when the provider's id is only another name for it."""
    document = deps.store.get([ref]).get(ref)
    if document is None or "alias_of" not in document.data:
        return document
    target = refs.message(str(document.data["alias_of"]))
    return deps.store.get([target]).get(target)


def _change_note(deps: Deps, ref: Ref, document: Document | None, change: Callable[[_Record], dict[str, Any]]) -> None:
    changes = change(MessageNote.model_validate(document.data["early"] if document else {}))
    if not changes:
        return
    if document is not None:
        deps.store.commit([Merge(ref, {"early": changes}, document.version)])
        return
    try:
        deps.store.commit([Create(ref, {"early": changes, "expires_at": deps.now() + _NOTE_LIFE})])
    except AlreadyExists as clash:
        raise Conflict(ref) from clash


def note_changes(status: MessageStatus, note: Mapping[str, Any]) -> dict[str, Any]:
    """What a message of this status takes over from the note, or from its own echo, that lay in its place."""
    changes = {name: note[name] for name in ("deleted_at", "reactions", "reacted_at") if note.get(name)}
    if note.get("edited_at"):
        changes |= {"text": note["text"], "edited_at": note["edited_at"]}
    later = later_status(status, MessageStatus(note.get("status", status)))
    if later is not status:
        changes |= {"status": later, "error": note.get("error")}
    return changes
