"""Noticing who writes more than a person does: automatic answers pause then, and both sides are told."""

from __future__ import annotations

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


def count(arrival: Arrival, chat: Identity) -> bool:
    """Count a message of a customer; returns whether it is the first one beyond the limit in its minute."""
    instance = arrival.instance
    limit = instance.options.messages_per_minute
    if not limit or not _counts(arrival.received) or channel(instance.adapter).capabilities.live:
        return False
    chat.message_count = count_message(chat.message_count, arrival.event.received_at)
    return chat.message_count.number == limit + 1


def _counts(received: MessageReceived) -> bool:
    return received.makes_customer_wait and not received.is_among_people


def pause(deps: Deps, unit: UnitOfWork, arrival: Arrival, conversation_id: str) -> None:
    """Have machines pause in the conversation, as they would for a person, unless somebody has it already.

    The customer is told so, once for each pause.
    """
    instance = arrival.instance
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
