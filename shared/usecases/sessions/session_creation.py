"""Starting a conversation with a customer who has not written."""

from __future__ import annotations

from dataclasses import dataclass

from shared.deps import Deps
from shared.documents.retry import run_with_retry
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.analytics import Counters
from shared.domain.conversations import Conversation, ConversationStatus, Priority
from shared.domain.ids import new_id
from shared.domain.instances import ChannelType
from shared.domain.messages import Author, Direction, Message, MessageStatus
from shared.usecases import realtime
from shared.usecases.conversations import routing
from shared.usecases.customers import customers
from shared.usecases.identities import contacts
from shared.usecases.identities.contacts import Contact
from shared.usecases.reporting import counters
from shared.usecases.service_levels import clocks
from shared.usecases.sessions import openings


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSession:
    """The customer, and the channel type. `first_message` is the customer's request, as somebody else put it."""

    customer_id: str
    channel_type: ChannelType
    priority: Priority | None = None
    first_message: str | None = None


def create(deps: Deps, tenant_id: str, new_session: NewSession) -> Conversation:
    """Open a conversation, or take up the one that is open at this address: there is never a second one.

    The first message counts as the customer's: it is stored as an inbound one,
    so they wait for an answer from then on. It goes to no provider and asks no
    agent for a reply, for the customer has not written it. Raises `NotFound`,
    `Unprocessable` and `Collision` as `contacts.on_channel` does.
    """
    return run_with_retry(deps, lambda unit: _create(deps, unit, tenant_id, new_session))


def _create(deps: Deps, unit: UnitOfWork, tenant_id: str, new_session: NewSession) -> Conversation:
    customer = customers.current(unit, tenant_id, new_session.customer_id)
    contact = contacts.on_channel(deps, unit, customer, new_session.channel_type)
    open_id = contact.identity.conversation_id
    if open_id:
        conversation = unit.conversations.owned(tenant_id, open_id)
    else:
        conversation = unit.conversations.add(_new_conversation(deps, contact, new_session))
    _update(deps, conversation, new_session)
    # Its version keeps a conversation from being opened twice, and this one from being closed meanwhile.
    unit.identities.expect_unchanged(contact.identity)
    if new_session.first_message:
        _add_first_message(deps, unit, conversation, new_session.first_message)
    contact.identity.conversation_id = conversation.id
    contact.identity.waiting_since = conversation.needs_reply_since
    _count(deps, unit, conversation, sessions=int(not open_id), inbound=int(bool(new_session.first_message)))
    if not open_id:
        routing.apply(deps, unit, conversation, new_session.first_message)
        openings.add_opening(deps, unit, conversation, contact.instance)
    clocks.follow(deps, conversation)
    realtime.conversation_updated(deps, unit, conversation)
    return conversation


def _new_conversation(deps: Deps, contact: Contact, new_session: NewSession) -> Conversation:
    customer = contact.customer
    conversation = Conversation.start(new_id(), contact.instance, contact.identity, deps.now())
    conversation.customer_id = customer.id
    conversation.customer_name = customer.name or contact.identity.name
    conversation.customer_phone = customer.phone
    conversation.summary = customers.shortened(new_session.first_message)
    return conversation


def _update(deps: Deps, conversation: Conversation, new_session: NewSession) -> None:
    conversation.status, conversation.snoozed_until = ConversationStatus.OPEN, None
    conversation.updated_at = deps.now()
    if new_session.priority:
        conversation.priority = new_session.priority


def _add_first_message(deps: Deps, unit: UnitOfWork, conversation: Conversation, text: str) -> None:
    now = deps.now()
    message = unit.messages.add(
        Message(
            id=new_id(),
            tenant_id=conversation.tenant_id,
            instance_id=conversation.instance_id,
            conversation_id=conversation.id,
            customer_id=conversation.customer_id,
            direction=Direction.INBOUND,
            author=Author.CUSTOMER,
            author_id=conversation.external_user_id,
            author_name=conversation.customer_name,
            text=text,
            status=MessageStatus.RECEIVED,
            sent_at=now,
            created_at=now,
        )
    )
    conversation.last_message_at, conversation.last_inbound_message_id = now, message.id
    conversation.last_message_id = message.id
    conversation.needs_reply_since = conversation.needs_reply_since or now
    realtime.message_created(deps, unit, message)


def _count(deps: Deps, unit: UnitOfWork, conversation: Conversation, *, sessions: int, inbound: int) -> None:
    if sessions or inbound:
        amounts = Counters(sessions=sessions, inbound=inbound)
        counters.count(unit, counters.Source.of(conversation), deps.now(), amounts)
