"""Moving a conversation to another channel: it keeps its id and history and goes on in a new leg."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from shared.deps import Deps
from shared.documents.retry import run_with_retry
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.conversations import Conversation, ConversationStatus, Leg
from shared.domain.ids import new_id
from shared.domain.instances import ChannelType
from shared.domain.messages import Message
from shared.domain.notes import system_note
from shared.errors import BadRequest, Collision, Unprocessable
from shared.usecases import realtime
from shared.usecases.conversations import assignees, ownership
from shared.usecases.customers import customers
from shared.usecases.identities import contacts
from shared.usecases.identities.contacts import Contact
from shared.usecases.sessions import openings


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """From which channel type to which, and why, in text; `assignee_id` takes the conversation over."""

    origin: ChannelType
    target: ChannelType
    note: str
    assignee_id: str | None = None


def transfer(deps: Deps, tenant_id: str, conversation_id: str, request: Transfer) -> Conversation:
    """Close the current leg and open one on the other channel, with a system message.

    What the customer writes there lands in this conversation from now on; what
    they write on the old channel starts a new one. A channel that opens a
    session with a message of its own (a call, an invitation) sends it. Messages
    accepted before go out where they were meant to. Raises `NotFound`;
    `Collision` when the conversation is closed or is not on the channel it is to
    leave, or when the customer has another one open on the target;
    `Unprocessable` as `contacts.on_channel` does and for groups; `BadRequest` for an
    assignee who is nobody.
    """
    if request.origin is request.target:
        raise BadRequest.of_field("to_channel", "is the same as from_channel", "is the channel to leave")
    return run_with_retry(deps, lambda unit: _transfer(deps, unit, tenant_id, conversation_id, request))


def _transfer(deps: Deps, unit: UnitOfWork, tenant_id: str, conversation_id: str, request: Transfer) -> Conversation:
    unit.fetch(unit.conversations.key(conversation_id), *assignees.keys(unit, tenant_id, request.assignee_id))
    conversation = unit.conversations.owned(tenant_id, conversation_id)
    _check(conversation, request)
    if request.assignee_id != conversation.assignee_id:
        assignees.check(unit, tenant_id, request.assignee_id)
    customer = customers.current(unit, tenant_id, conversation.customer_id)
    contact = contacts.on_channel(deps, unit, customer, request.target)
    if contact.identity.conversation_id not in (None, conversation.id):
        raise Collision("the customer has another open session on that channel")
    now, former = deps.now(), conversation.model_copy()
    note = unit.messages.add(_note(conversation, contact, request, now))
    realtime.message_created(deps, unit, note)
    _leave_address(unit, conversation)
    _move(conversation, contact, now)
    if request.assignee_id is not None:
        ownership.assign(deps, unit, conversation, request.assignee_id or None)
    _enter_address(unit, conversation, contact)
    openings.add_opening(deps, unit, conversation, contact.instance, former)
    realtime.conversation_updated(deps, unit, conversation)
    # Those who watch the old channel see that the conversation has moved.
    realtime.conversation_moved(deps, unit, conversation, former.instance_id)
    return conversation


def _check(conversation: Conversation, request: Transfer) -> None:
    if conversation.channel is not request.origin:
        raise Collision("the session is not on the channel that it is said to be on")
    if conversation.status is ConversationStatus.CLOSED:
        raise Collision("the session is resolved: set it active first")
    if conversation.is_group:
        raise Unprocessable("a group's session cannot be moved: a group has no address on another channel")


def _move(conversation: Conversation, contact: Contact, now: datetime) -> None:
    instance, identity = contact.instance, contact.identity
    ended_legs = [leg if leg.ended_at else leg.model_copy(update={"ended_at": now}) for leg in conversation.legs]
    conversation.legs = [*ended_legs, Leg.start(instance, identity, now)]
    conversation.customer_id, conversation.identity_id = contact.customer.id, identity.id
    conversation.instance_id, conversation.channel = instance.id, instance.type
    conversation.external_conversation_id = conversation.external_user_id = identity.external_user_id
    conversation.customer_phone = conversation.customer_phone or contact.customer.phone
    conversation.status, conversation.snoozed_until = ConversationStatus.OPEN, None
    conversation.last_message_at = conversation.updated_at = now


def _note(conversation: Conversation, contact: Contact, request: Transfer, now: datetime) -> Message:
    note = system_note(conversation, new_id(), request.note, now)
    note.instance_id, note.customer_id = contact.instance.id, contact.customer.id
    return note


def _leave_address(unit: UnitOfWork, conversation: Conversation) -> None:
    """The old address leads here no more; its version keeps a message from being stored meanwhile."""
    identity = unit.identities.owned_or_none(conversation.tenant_id, conversation.identity_id)
    if identity is not None and identity.conversation_id == conversation.id:
        identity.conversation_id = identity.waiting_since = None


def _enter_address(unit: UnitOfWork, conversation: Conversation, contact: Contact) -> None:
    unit.identities.expect_unchanged(contact.identity)
    contact.identity.conversation_id = conversation.id
    contact.identity.waiting_since = conversation.needs_reply_since
