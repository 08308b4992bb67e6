"""Moving a conversation to another channel: it keeps its id and history and goes on in a new leg."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.deps import Deps
from shared.domain.conversations import Conversation, ConversationStatus, Leg
from shared.domain.ids import new_id
from shared.domain.instances import ChannelType
from shared.domain.messages import Author, Direction, Message, MessageStatus
from shared.errors import BadRequest, Collision, Unprocessable
from shared.ports.store import Create, Document, Merge, Ref, Write
from shared.usecases import realtime, refs
from shared.usecases.customers import customers
from shared.usecases.identities import resolution
from shared.usecases.identities.contacts import Reached, reach
from shared.usecases.instances.instance_documents import commit
from shared.usecases.outbox import enqueueing
from shared.usecases.retrying import decide
from shared.usecases.sessions import openings
from shared.usecases.sessions.openings import Opened


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """From which channel type to which, and why, in text; `assignee_id` takes the conversation over."""

    origin: ChannelType
    target: ChannelType
    note: str
    assignee_id: str | None = None


@dataclass(frozen=True, slots=True)
class _Moved:
    before: Conversation
    after: Conversation
    note: Message
    opened: Opened | None


def transfer(deps: Deps, tenant_id: str, conversation_id: str, wanted: Transfer) -> Conversation:
    """Close the current leg and open one on the other channel, with a system message.

    What the customer writes there lands in this conversation from now on; what
    he writes on the old channel begins a new one. A channel that opens a session
    with words of its own (a call, an invitation) says them. Messages accepted before go
    out where they were meant to. Raises `NotFound`; `Collision` when the
    conversation is closed or is not on the channel it is to leave, or when the
    customer has another one open on the target; `Unprocessable` as `reach` does
    and for groups.
    """
    if wanted.origin is wanted.target:
        raise BadRequest.of_field("to_channel", "is the same as from_channel", "is the channel to leave")
    moved = decide(lambda: _attempt(deps, tenant_id, conversation_id, wanted))
    realtime.message_created(deps, moved.note)
    if moved.opened:
        openings.announce(deps, moved.opened)
    realtime.conversation_updated(deps, moved.after)
    # Those who watch the old channel learn that it has gone.
    payload = {"conversation": moved.after.model_dump(mode="json")}
    realtime.emit(deps, tenant_id, moved.before.instance_id, realtime.CONVERSATION_UPDATED, payload)
    return moved.after


def _attempt(deps: Deps, tenant_id: str, conversation_id: str, wanted: Transfer) -> _Moved:
    document = enqueueing.read_conversation(deps, tenant_id, conversation_id)
    before = Conversation.model_validate(document.data)
    _check(before, wanted)
    reached = reach(deps, customers.read(deps, tenant_id, before.customer_id), wanted.target)
    if reached.known.identity.conversation_id not in (None, before.id):
        raise Collision("the customer has another open session on that channel")
    now = deps.now()
    changes = _changes(before, reached, wanted, now)
    note = _note(before, reached, wanted, now)
    writes: list[Write] = [
        Merge(document.ref, changes, document.version),
        Create(refs.message(note.id), note.model_dump()),
        *_left(deps, before),
        *_entered(before, reached),
    ]
    after = Conversation.model_validate(document.data | changes)
    opened = openings.opened(deps, after, reached.instance, former=before)
    commit(deps, [*writes, *(opened.writes if opened else ())])
    return _Moved(before, after, note, opened)


def _check(conversation: Conversation, wanted: Transfer) -> None:
    if conversation.channel is not wanted.origin:
        raise Collision("the session is not on the channel that it is said to be on")
    if conversation.status is ConversationStatus.CLOSED:
        raise Collision("the session is resolved: set it active first")
    if conversation.is_group:
        raise Unprocessable("a group's session cannot be moved: a group has no address on another channel")


def _changes(before: Conversation, reached: Reached, wanted: Transfer, now: datetime) -> dict[str, Any]:
    instance, identity = reached.instance, reached.known.identity
    leg = Leg.begun(instance, identity, now)
    ended = [each if each.ended_at else each.model_copy(update={"ended_at": now}) for each in before.legs]
    changes: dict[str, Any] = {
        "customer_id": reached.customer.id,
        "identity_id": identity.id,
        "instance_id": instance.id,
        "channel": instance.type.value,
        "external_conversation_id": identity.external_user_id,
        "external_user_id": identity.external_user_id,
        "customer_phone": before.customer_phone or reached.customer.phone,
        "legs": [each.model_dump() for each in [*ended, leg]],
        "status": ConversationStatus.OPEN.value,
        "snoozed_until": None,
        "last_message_at": now,
        "updated_at": now,
    }
    if wanted.assignee_id is not None:
        changes |= {"assignee_id": wanted.assignee_id or None, "needs_human": False}
    return changes


def _note(before: Conversation, reached: Reached, wanted: Transfer, now: datetime) -> Message:
    return Message(
        id=new_id(),
        tenant_id=before.tenant_id,
        instance_id=reached.instance.id,
        conversation_id=before.id,
        customer_id=reached.customer.id,
        direction=Direction.SYSTEM,
        author=Author.SYSTEM,
        text=wanted.note,
        status=MessageStatus.RECEIVED,
        sent_at=now,
        created_at=now,
    )


def _left(deps: Deps, before: Conversation) -> list[Write]:
    """The old address leads here no more; its version keeps a message from being stored meanwhile."""
    ref = Ref("identities", before.identity_id)
    document: Document | None = deps.store.get([ref]).get(ref)
    if document is None or document.data.get("conversation_id") != before.id:
        return []
    return [Merge(ref, {"conversation_id": None, "waiting_since": None}, document.version)]


def _entered(before: Conversation, reached: Reached) -> list[Write]:
    pointing = reached.known.identity.model_copy(
        update={"conversation_id": before.id, "waiting_since": before.needs_reply_since}
    )
    return [*reached.known.writes, resolution.identity_write(reached.known, pointing)]
