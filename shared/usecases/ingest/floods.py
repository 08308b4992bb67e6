"""Noticing who writes more than a person does: automatic answers pause then, and both sides are told."""

from __future__ import annotations

from datetime import datetime

from shared.channels import channel
from shared.deps import Deps
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.conversations import Owner
from shared.domain.customers import Identity, count_message
from shared.domain.flood_notice import notice
from shared.domain.ids import stable_id
from shared.domain.inbound import MessageReceived
from shared.domain.messages import Author
from shared.usecases.accounts import tenants
from shared.usecases.conversations import ownership
from shared.usecases.ingest.message_documents import Arrival
from shared.usecases.outbox import enqueueing

TOO_MANY = "too_many_messages"
"""The type of the notification."""


_WATCHED_SHARE = 4
"""From what part of the limit on the customer's other addresses are looked at, too: few write so much."""
_MOST_ADDRESSES = 20


def count(unit: UnitOfWork, arrival: Arrival, chat: Identity) -> bool:
    """Count a message of a customer; returns whether they have written too much, of which nobody knows yet.

    All their addresses count. Of a customer who writes from several it may be noticed with the next message from the
    one of which most come.
    """
    instance = arrival.instance
    limit = instance.options.messages_per_minute
    if not limit or not _counts(arrival.received) or channel(instance.adapter).capabilities.live:
        return False
    chat.message_count = count_message(chat.message_count, arrival.event.received_at)
    number = chat.message_count.number
    if chat.message_count.is_told or number <= limit // _WATCHED_SHARE:
        return False
    return number > limit or number + _from_elsewhere(unit, chat, arrival.event.received_at) > limit


def _from_elsewhere(unit: UnitOfWork, chat: Identity, now: datetime) -> int:
    """How many messages the customer has just written from their other addresses."""
    query = unit.identities.query().where(lambda identity: identity.customer_id, "==", chat.customer_id)
    identities = query.order_by(lambda identity: identity.created_at).page(_MOST_ADDRESSES).documents
    counts = [each.message_count for each in identities if each.id != chat.id]
    return sum(count.within_minute(now) for count in counts if count is not None)


def _counts(received: MessageReceived) -> bool:
    return received.makes_customer_wait and not received.is_among_people


def pause(deps: Deps, unit: UnitOfWork, arrival: Arrival, chat: Identity, conversation_id: str) -> None:
    """Have machines pause in the conversation, as they would for a person, unless somebody has it already.

    The customer is told so, once for each pause.
    """
    instance = arrival.instance
    if chat.message_count is not None:
        chat.message_count.is_told = True
    conversation = unit.conversations.owned_or_none(instance.tenant_id, conversation_id)
    if conversation is None or conversation.owner is not Owner.BOT:
        return
    reason = f"more than {instance.options.messages_per_minute} messages came within a minute"
    ownership.wait_for_person(deps, unit, conversation, TOO_MANY, reason)
    tenant = tenants.cached(deps, instance.tenant_id)
    conversation.pause_ends_at = ownership.pause_ends_at(deps, instance, tenant)
    customer = unit.customers.owned_or_none(instance.tenant_id, conversation.customer_id)
    text = notice(customer.preferences.language if customer is not None else None)
    draft = enqueueing.Draft(stable_id("flood", arrival.message_id), Author.SYSTEM, text=text)
    enqueueing.enqueue(deps, unit, conversation, instance, [draft], is_answer=False)
