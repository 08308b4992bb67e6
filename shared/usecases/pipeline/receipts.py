"""What happens to a message after it was stored: receipts, edits, deletions, reactions.

Providers deliver these in any order, also before the message itself. Then a
note is left in the message's place, which the message takes up when it comes.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from shared.deps import Deps
from shared.domain.customers import Identity
from shared.domain.inbound import MessageDeleted, MessageEdited, ReactionChanged, Receipt, Watermark
from shared.domain.instances import Instance
from shared.domain.messages import Direction, Message, MessageStatus, later_status
from shared.errors import AlreadyExists, Conflict
from shared.ports.store import Create, Document, Merge, Order, Ref, Where, Write
from shared.usecases import refs
from shared.usecases.retrying import decide

log = logging.getLogger(__name__)

# A note whose message never came is of no use to anybody after this long.
_NOTE_LIFE = timedelta(days=7)


def apply_receipt(deps: Deps, instance: Instance, receipt: Receipt) -> None:
    """Move the message's status forward; it never goes back."""

    def change(message: Message) -> dict[str, Any]:
        status = later_status(message.status, receipt.status)
        if status is message.status:
            return {}
        return {"status": status.value, "error": receipt.error if status is MessageStatus.DEAD else None}

    note = {"status": receipt.status.value} | ({"error": receipt.error} if receipt.error else {})
    _change(deps, instance, receipt.external_message_id, change, note)


def apply_edit(deps: Deps, instance: Instance, edit: MessageEdited) -> None:
    """Replace the text, unless a later edit is already there."""

    def change(message: Message) -> dict[str, Any]:
        if message.edited_at and message.edited_at >= edit.edited_at:
            return {}
        return {"text": edit.text, "edited_at": edit.edited_at}

    note = None if edit.if_known else {"text": edit.text, "edited_at": edit.edited_at}
    _change(deps, instance, edit.external_message_id, change, note)


def apply_deletion(deps: Deps, instance: Instance, deletion: MessageDeleted, received_at: datetime) -> None:
    """Mark the message as deleted by its author; its content stays for the record of the business."""
    at = deletion.deleted_at or received_at

    def change(message: Message) -> dict[str, Any]:
        return {} if message.deleted_at else {"deleted_at": at}

    _change(deps, instance, deletion.external_message_id, change, None if deletion.if_known else {"deleted_at": at})


def apply_reaction(deps: Deps, instance: Instance, reaction: ReactionChanged) -> None:
    """Keep one reaction per person on the message; an empty one takes it away."""

    def change(message: Message) -> dict[str, Any]:
        if message.reactions.get(reaction.sender_key, "") == reaction.emoji:
            return {}
        return {"reactions": {reaction.sender_key: reaction.emoji}}

    _change(deps, instance, reaction.external_message_id, change, None)


def apply_watermark(deps: Deps, instance: Instance, mark: Watermark) -> None:
    """Everything sent to a chat up to a time was delivered or read."""
    ref = refs.identity(instance.id, mark.chat_key)
    document = deps.store.get([ref]).get(ref)
    conversation_id = Identity.model_validate(document.data).conversation_id if document else None
    if conversation_id is None:
        return
    page = deps.store.find(
        "messages",
        [Where("conversation_id", "==", conversation_id)],
        [Order("sent_at", descending=True), Order("created_at", descending=True)],
        limit=50,
    )
    writes = [write for found in page.documents if (write := _marked(found, mark)) is not None]
    if writes:
        deps.store.commit(writes)


def _marked(document: Document, mark: Watermark) -> Write | None:
    message = Message.model_validate(document.data)
    if message.direction is not Direction.OUTBOUND or message.sent_at > mark.until or not message.external_message_id:
        return None
    status = later_status(message.status, mark.status)
    return None if status is message.status else Merge(document.ref, {"status": status.value}, document.version)


def _change(
    deps: Deps,
    instance: Instance,
    external_message_id: str,
    change: Callable[[Message], dict[str, Any]],
    note: Mapping[str, Any] | None,
) -> None:
    """Apply `change` to the message; where it has not come yet, leave `note` for it."""
    ref = refs.provider_message(instance.id, external_message_id)

    def attempt() -> None:
        document = _message_document(deps, ref)
        if document is None or "early" in document.data:
            _leave_note(deps, ref, document, note)
            return
        message = Message.model_validate(document.data)
        if changed := change(message):
            deps.store.commit([Merge(document.ref, changed, document.version)])

    decide(attempt)


def _message_document(deps: Deps, ref: Ref) -> Document | None:
    """The message, followed to our own document when the provider's id is only another name for it."""
    document = deps.store.get([ref]).get(ref)
    if document is None or "alias_of" not in document.data:
        return document
    target = refs.message(str(document.data["alias_of"]))
    return deps.store.get([target]).get(target)


def _leave_note(deps: Deps, ref: Ref, document: Document | None, note: Mapping[str, Any] | None) -> None:
    if note is None:
        log.info("dropped what was done to an unknown message")
        return
    early = dict(note)
    if document is None:
        try:
            deps.store.commit([Create(ref, {"early": early, "expires_at": deps.now() + _NOTE_LIFE})])
        except AlreadyExists as clash:
            raise Conflict(ref) from clash
        return
    before = document.data["early"].get("status")
    if before and early.get("status"):
        early["status"] = later_status(MessageStatus(before), MessageStatus(early["status"])).value
    deps.store.commit([Merge(ref, {"early": early}, document.version)])
