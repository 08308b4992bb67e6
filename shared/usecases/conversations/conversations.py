"""Reading and steering conversations."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from shared.deps import Deps
from shared.domain.conversations import Conversation, ConversationStatus, Priority
from shared.domain.messages import Message
from shared.errors import BadRequest, Collision, NotFound
from shared.ports.store import Document, Merge, Order, Ref, Where, Write
from shared.usecases import realtime
from shared.usecases.conversations import ratings
from shared.usecases.customers import customers
from shared.usecases.outbox.enqueueing import read_conversation
from shared.usecases.retrying import decide

MOST = 200


@dataclass(frozen=True, slots=True)
class Filter:
    """A field and its value: `channel`, `assignee_id`, `priority` or `customer_id`, each of which has an index."""

    field: str
    value: str


@dataclass(frozen=True, slots=True)
class Changes:
    """What to change; None leaves it. An empty `assignee_id` takes the assignee away."""

    status: ConversationStatus | None = None
    assignee_id: str | None = None
    priority: Priority | None = None
    snoozed_until: datetime | None = None


def get(deps: Deps, tenant_id: str, conversation_id: str) -> Conversation:
    """Raises `NotFound` for an unknown or foreign one."""
    return Conversation.model_validate(read_conversation(deps, tenant_id, conversation_id).data)


def list_page(
    deps: Deps,
    tenant_id: str,
    status: ConversationStatus | None,
    limit: int,
    cursor: str | None,
    filter_by: Filter | None = None,
) -> tuple[list[Conversation], str | None]:
    """The tenant's conversations, the latest message first, and the cursor of the next page."""
    where = [Where("tenant_id", "==", tenant_id)]
    if status is not None:
        where.append(Where("status", "==", status.value))
    if filter_by is not None:
        where.append(Where(filter_by.field, "==", _filter_value(deps, tenant_id, filter_by)))
    order = [Order("last_message_at", descending=True)]
    page = deps.store.find("conversations", where, order, limit=min(limit, MOST), cursor=cursor)
    return [Conversation.model_validate(document.data) for document in page.documents], page.cursor


def _filter_value(deps: Deps, tenant_id: str, filter_by: Filter) -> str:
    """The value to look for; the id of a merged customer stands for the customer that it was merged into."""
    if filter_by.field != "customer_id":
        return filter_by.value
    try:
        return customers.read(deps, tenant_id, filter_by.value).id
    except NotFound:
        return filter_by.value


def messages_page(
    deps: Deps, tenant_id: str, conversation_id: str, limit: int, cursor: str | None
) -> tuple[list[Message], str | None]:
    """The newest messages, oldest first; the cursor leads to older ones. Raises `NotFound`."""
    read_conversation(deps, tenant_id, conversation_id)
    page = deps.store.find(
        "messages",
        [Where("conversation_id", "==", conversation_id)],
        [Order("sent_at", descending=True), Order("created_at", descending=True)],
        limit=min(limit, MOST),
        cursor=cursor,
    )
    return [Message.model_validate(document.data) for document in reversed(page.documents)], page.cursor


def update(deps: Deps, tenant_id: str, conversation_id: str, changes: Changes) -> Conversation:
    """Change status, assignee or priority, and tell the room.

    Closing lets the customer's next message open a new conversation; opening
    again is refused with `Collision` when there is one already.
    """
    return decide(lambda: _update(deps, read_conversation(deps, tenant_id, conversation_id), changes))


def _update(deps: Deps, document: Document, changes: Changes) -> Conversation:
    conversation = Conversation.model_validate(document.data)
    fields: dict[str, Any] = {"updated_at": deps.now()}
    writes: list[Write] = []
    asks = False
    changes = _with_status(conversation, changes)
    if changes.status is not None and (changes.status is not conversation.status or _resnoozes(changes)):
        fields |= _status_fields(deps, changes)
        writes += _point_identity(deps, conversation, changes.status)
        asks = changes.status is ConversationStatus.CLOSED and bool(writes)
        writes += ratings.counted(deps, conversation, changes.status)
    if changes.assignee_id is not None:
        fields |= {"assignee_id": changes.assignee_id.strip() or None, "needs_human": False}
    if changes.priority is not None:
        fields["priority"] = changes.priority.value
    if asks and (closed := ratings.close_with_survey(deps, document, fields, writes)):
        return closed
    deps.store.commit([Merge(document.ref, fields, document.version), *writes])
    updated = Conversation.model_validate(document.data | fields)
    realtime.conversation_updated(deps, updated)
    return updated


def _with_status(conversation: Conversation, changes: Changes) -> Changes:
    """A time alone is one to sleep until for a conversation that sleeps; raises `BadRequest` for any other."""
    if changes.status is not None or changes.snoozed_until is None:
        return changes
    if conversation.status is not ConversationStatus.SNOOZED:
        reason = "goes with the status snoozed"
        raise BadRequest.of_field("snoozed_until", reason)
    return replace(changes, status=ConversationStatus.SNOOZED)


def _resnoozes(changes: Changes) -> bool:
    """Whether one that is snoozed already shall sleep until another time."""
    return changes.status is ConversationStatus.SNOOZED and changes.snoozed_until is not None


def _status_fields(deps: Deps, changes: Changes) -> dict[str, Any]:
    if changes.status is ConversationStatus.CLOSED:
        nobody_waits = {"needs_reply_since": None, "needs_human": False, "snoozed_until": None}
        return {"status": "closed", "closed_at": deps.now()} | nobody_waits
    if changes.status is ConversationStatus.SNOOZED:
        if changes.snoozed_until is None or changes.snoozed_until <= deps.now():
            raise BadRequest.of_field("snoozed_until", "is missing or past", "say until when, in the future")
        return {"status": "snoozed", "snoozed_until": changes.snoozed_until, "closed_at": None}
    return {"status": "open", "closed_at": None, "snoozed_until": None}


def _point_identity(deps: Deps, conversation: Conversation, status: ConversationStatus) -> list[Write]:
    """The identity points at the one conversation that is not closed; its version keeps ingest from racing this."""
    was_closed = conversation.status is ConversationStatus.CLOSED
    closes = status is ConversationStatus.CLOSED
    if was_closed == closes:
        return []
    ref = Ref("identities", conversation.identity_id)
    identity = deps.store.get([ref]).get(ref)
    if identity is None:
        return []
    current = identity.data.get("conversation_id")
    if closes:
        if current != conversation.id:
            return []
        return [Merge(ref, {"conversation_id": None, "waiting_since": None}, identity.version)]
    if current not in (None, conversation.id):
        raise Collision("the customer has another one open on this channel")
    return [Merge(ref, {"conversation_id": conversation.id}, identity.version)]


def reopening(deps: Deps, conversation: Conversation) -> tuple[dict[str, Any], list[Write]]:
    """What has to be written along with a new message so that a closed conversation is open again."""
    if conversation.status is not ConversationStatus.CLOSED:
        return {}, []
    return {"status": ConversationStatus.OPEN, "closed_at": None}, [
        *_point_identity(deps, conversation, ConversationStatus.OPEN),
        *ratings.counted(deps, conversation, ConversationStatus.OPEN),
    ]
