"""Beginning a conversation with a customer whom nobody has heard of today."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.deps import Deps
from shared.domain.conversations import Conversation, ConversationStatus, Priority
from shared.domain.ids import new_id
from shared.domain.instances import ChannelType
from shared.domain.messages import Author, Direction, Message, MessageStatus
from shared.ports.store import Create, Document, Set, Write
from shared.usecases import realtime, refs
from shared.usecases.conversations import routing
from shared.usecases.customers import customers
from shared.usecases.identities import resolution
from shared.usecases.identities.contacts import Reached, reach
from shared.usecases.instances.instance_documents import commit
from shared.usecases.outbox import enqueueing
from shared.usecases.reporting import counters
from shared.usecases.retrying import decide
from shared.usecases.sessions import openings
from shared.usecases.sessions.openings import Opened


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSession:
    """Whom to speak with, and where. `first_message` is what the customer wants, in somebody's words."""

    customer_id: str
    channel_type: ChannelType
    priority: Priority | None = None
    first_message: str | None = None


@dataclass(frozen=True, slots=True)
class _Begun:
    """What was decided: `conversation` as it will be, and the document that says how it was, unless it is new."""

    conversation: Conversation
    before: Document | None
    message: Message | None
    opened: Opened | None = None


def create(deps: Deps, tenant_id: str, wanted: NewSession) -> Conversation:
    """Open a conversation, or take up the one that is open at this address: there is never a second one.

    The first message counts as the customer's: it is stored as an inbound one,
    so he waits for an answer from then on. It goes to no provider and asks no
    agent for a reply, for he has not written it himself. Raises `NotFound`,
    `Unprocessable` and `Collision` as `reach` does.
    """
    begun = decide(lambda: _attempt(deps, tenant_id, wanted))
    if begun.message:
        realtime.message_created(deps, begun.message)
    if begun.opened:
        openings.announce(deps, begun.opened)
    realtime.conversation_updated(deps, begun.conversation)
    return begun.conversation


def _attempt(deps: Deps, tenant_id: str, wanted: NewSession) -> _Begun:
    reached = reach(deps, customers.read(deps, tenant_id, wanted.customer_id), wanted.channel_type)
    now = deps.now()
    open_id = reached.known.identity.conversation_id
    before = enqueueing.read_conversation(deps, tenant_id, open_id) if open_id else None
    conversation = Conversation.model_validate(before.data) if before else _opened(reached, wanted, now)
    message = _first_message(conversation, wanted, now) if wanted.first_message else None
    changed = conversation.model_copy(update=_changes(conversation, wanted, message, now))
    begun = _Begun(changed, before, message)
    writes = [*_writes(begun, now), _identity_write(reached, begun)]
    if before is None:
        routed, writes = routing.begin(deps, changed, wanted.first_message, writes)
        opened = openings.opened(deps, routed, reached.instance)
        begun = _Begun(routed, before, message, opened)
        writes += opened.writes if opened else []
    # A rule may have changed the customer already, at the same version.
    written = {write.ref for write in writes}
    commit(deps, [*writes, *(write for write in reached.known.writes if write.ref not in written)])
    return begun


def _opened(reached: Reached, wanted: NewSession, now: datetime) -> Conversation:
    instance, identity = reached.instance, reached.known.identity
    told = {
        "customer_id": reached.customer.id,
        "priority": wanted.priority or Priority.NORMAL,
        "customer_name": reached.customer.name or identity.name,
        "customer_phone": reached.customer.phone,
        "summary": customers.shortened(wanted.first_message),
    }
    return Conversation.begun(new_id(), instance, identity, now).model_copy(update=told)


def _first_message(conversation: Conversation, wanted: NewSession, now: datetime) -> Message:
    return Message(
        id=new_id(),
        tenant_id=conversation.tenant_id,
        instance_id=conversation.instance_id,
        conversation_id=conversation.id,
        customer_id=conversation.customer_id,
        direction=Direction.INBOUND,
        author=Author.CUSTOMER,
        author_id=conversation.external_user_id,
        author_name=conversation.customer_name,
        text=wanted.first_message,
        status=MessageStatus.RECEIVED,
        sent_at=now,
        created_at=now,
    )


def _changes(conversation: Conversation, wanted: NewSession, message: Message | None, now: datetime) -> dict[str, Any]:
    changes: dict[str, Any] = {"status": ConversationStatus.OPEN, "snoozed_until": None, "updated_at": now}
    if wanted.priority:
        changes["priority"] = wanted.priority
    if message:
        changes["last_message_at"] = now
        changes["last_inbound_message_id"] = message.id
        changes["needs_reply_since"] = conversation.needs_reply_since or now
    return changes


def _writes(begun: _Begun, now: datetime) -> list[Write]:
    conversation, before = begun.conversation, begun.before
    ref, data = refs.conversation(conversation.id), conversation.model_dump()
    writes: list[Write] = [Set(ref, data, before.version) if before else Create(ref, data)]
    if begun.message:
        writes.append(Create(refs.message(begun.message.id), begun.message.model_dump()))
    if begun.message or before is None:
        sessions, inbound = int(before is None), int(begun.message is not None)
        place = (conversation.tenant_id, conversation.instance_id, conversation.channel, conversation.id)
        writes.append(counters.count(*place, now, sessions=sessions, inbound=inbound))
    return writes


def _identity_write(reached: Reached, begun: _Begun) -> Write:
    """The identity's version keeps a conversation from being opened twice, and this one from being closed meanwhile."""
    conversation = begun.conversation
    pointing = reached.known.identity.model_copy(
        update={"conversation_id": conversation.id, "waiting_since": conversation.needs_reply_since}
    )
    return resolution.identity_write(reached.known, pointing)
