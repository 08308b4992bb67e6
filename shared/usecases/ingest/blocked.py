"""Keeping what somebody writes who may not: in its place, answered by nobody, and shown only to who asks for it."""

from __future__ import annotations

from dataclasses import replace

from shared.deps import Deps
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.analytics import Counters
from shared.domain.conversations import Conversation, ConversationStatus
from shared.domain.customers import Identity
from shared.domain.ids import stable_id
from shared.domain.messages import Message
from shared.usecases.ingest import message_documents
from shared.usecases.ingest.message_documents import Arrival
from shared.usecases.reporting import counters


def store(
    deps: Deps, unit: UnitOfWork, arrival: Arrival, chat: Identity, author: Identity
) -> tuple[Message, Conversation]:
    """Store it in the chat's open conversation; without one in a closed one that the address has for such messages."""
    received = replace(arrival.received, for_people=True, nobody_waits=True, not_routed=True)
    arrival = replace(arrival, received=received)
    received_at = arrival.event.received_at
    conversation_id = chat.conversation_id or stable_id("blocked", chat.id)
    message = message_documents.new_message(
        arrival, chat, conversation_id=conversation_id, customer_id=author.customer_id
    )
    message.blocked = True
    conversation = message_documents.conversation_of(arrival, chat, message, deps.now())
    chat.last_placement, chat.last_inbound_at = message_documents.placement(chat, arrival), received_at
    if chat.conversation_id is None:
        conversation.status, conversation.closed_at = ConversationStatus.CLOSED, received_at
        conversation.unread_count, conversation.is_unread = 0, False
        unit.conversations.patch(conversation_id, **conversation.model_dump())
    counters.count(unit, counters.Source.of(conversation), received_at, Counters(inbound=1))
    return message, conversation
