"""What an arriving message makes of the documents that it touches."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from shared.documents import Increment, ids
from shared.domain.conversations import Conversation, Leg
from shared.domain.customers import Identity, Placement
from shared.domain.events import InboundEvent
from shared.domain.inbound import MessageReceived
from shared.domain.instances import Instance
from shared.domain.messages import Author, Direction, Message, MessageStatus
from shared.usecases.customers.customers import shortened


@dataclass(frozen=True, slots=True)
class Arrival:
    """A message as its channel has parsed it, the event it came in, and the instance that it came to."""

    instance: Instance
    event: InboundEvent
    received: MessageReceived

    @property
    def message_id(self) -> str:
        return ids.provider_message(self.instance.id, self.received.external_message_id)


def new_message(
    arrival: Arrival, chat: Identity, *, conversation_id: str, customer_id: str, is_addressed: bool = True
) -> Message:
    """The message to store; `chat` is the chat's identity as it was before the message.

    `is_addressed` says whether the message speaks to the business: in a group machines answer only then.
    """
    instance, event, received = arrival.instance, arrival.event, arrival.received
    author = received.sender if received.is_by_customer else None
    return Message(
        id=arrival.message_id,
        tenant_id=instance.tenant_id,
        instance_id=instance.id,
        conversation_id=conversation_id,
        customer_id=customer_id,
        direction=_direction(received),
        author=_author(arrival, chat),
        author_id=author.external_user_id if author else None,
        author_name=author.name if author else None,
        author_phone=author.phone if author else None,
        kind=received.kind,
        text=received.text,
        attachments=list(received.attachments),
        external_message_id=received.external_message_id,
        reply_to=received.reply_to,
        content=received.content,
        for_people=received.for_people or not is_addressed,
        extra=received.extra,
        status=MessageStatus.SENT if received.from_me else MessageStatus.RECEIVED,
        raw_event_id=event.id,
        traceparent=event.traceparent,
        sent_at=placement(chat, arrival).sent_at,
        created_at=event.received_at,
    )


def _direction(received: MessageReceived) -> Direction:
    if received.is_note:
        return Direction.SYSTEM
    return Direction.OUTBOUND if received.from_me else Direction.INBOUND


def _author(arrival: Arrival, chat: Identity) -> Author:
    received = arrival.received
    if received.is_note:
        return Author.SYSTEM
    if not received.from_me:
        return Author.CUSTOMER
    return Author.BOT if received.is_automatic or _is_greeting(arrival, chat) else Author.OTHER


# Nobody reads a message and writes an answer in this time; an app's greeting or away message comes at once.
_GREETING_WITHIN = timedelta(seconds=2)


def _is_greeting(arrival: Arrival, chat: Identity) -> bool:
    """Whether the provider's app answered by itself when the customer began to wait; most providers do not say so."""
    received, began, latest = arrival.received, chat.waiting_since, chat.last_placement
    if received.is_history or began is None or latest is None or chat.last_inbound_at != began:
        return False
    return abs(received.sent_at - latest.said_at) <= _GREETING_WITHIN


def update_chat(chat: Identity, message: Message, arrival: Arrival) -> None:
    """Write the message down in the chat's identity. Any message but an answer to it ends a survey."""
    event, received = arrival.event, arrival.received
    if not received.is_history:
        chat.last_placement = placement(chat, arrival)
    if not received.from_me:
        chat.last_inbound_at = event.received_at
        if not received.is_history and not received.nobody_waits:
            chat.campaign = None
    chat.conversation_id = message.conversation_id
    chat.waiting_since = _waiting_since(chat, message, arrival)
    chat.name = _name(chat, received)
    chat.survey = None


def _waiting_since(chat: Identity, message: Message, arrival: Arrival) -> datetime | None:
    received_at = arrival.event.received_at
    if arrival.received.makes_customer_wait:
        return min(chat.waiting_since or received_at, received_at)
    return None if is_answer(message, arrival) else chat.waiting_since


def is_answer(message: Message, arrival: Arrival) -> bool:
    """Whether somebody of the business has answered, by another way than this hub."""
    return message.author is Author.OTHER and not arrival.received.is_history


def _name(chat: Identity, received: MessageReceived) -> str | None:
    is_another_person = received.is_thread and received.sender.external_user_id != chat.external_user_id
    if received.is_group or received.from_me or is_another_person:
        return chat.name
    return received.sender.name or chat.name


# Providers tell whole seconds. A message that arrived at once is placed by its
# arrival instead, or it would seem to come before an answer given in the same second.
_AT_ONCE = timedelta(seconds=2)
_OLDEST = timedelta(days=400)


def placement(chat: Identity, arrival: Arrival) -> Placement:
    """Where a message belongs in its chat.

    A provider's time counts for what comes late, unless it lies in the future
    or years back. Never before the chat's latest message, unless the provider
    says that it is older.
    """
    provider_time, received_at, latest = arrival.received.sent_at, arrival.event.received_at, chat.last_placement
    sent_at = provider_time if _AT_ONCE < received_at - provider_time < _OLDEST else received_at
    if latest is not None and provider_time >= latest.said_at and not arrival.received.is_history:
        sent_at = max(sent_at, latest.sent_at)
    return Placement(said_at=provider_time, sent_at=sent_at)


def conversation_of(arrival: Arrival, chat: Identity, message: Message, now: datetime) -> Conversation:
    """The conversation as far as the message and its chat tell: all of a new one."""
    instance, received = arrival.instance, arrival.received
    leg = Leg(
        instance_id=instance.id,
        channel=instance.type,
        external_conversation_id=received.external_conversation_id,
        external_user_id=chat.external_user_id,
        started_at=now,
    )
    return Conversation(
        id=message.conversation_id,
        tenant_id=instance.tenant_id,
        customer_id=chat.customer_id,
        identity_id=chat.id,
        instance_id=instance.id,
        channel=instance.type,
        external_conversation_id=received.external_conversation_id,
        external_user_id=chat.external_user_id,
        is_group=received.is_group,
        customer_name=chat.shown_name,
        customer_phone=chat.phone,
        summary=shortened(received.content.subject or received.text),
        legs=[leg],
        contexts={instance.id: received.context} if received.context else {},
        unread_count=int(received.counts_as_unread),
        is_unread=received.counts_as_unread,
        last_message_at=arrival.event.received_at,
        last_message_id=message.id,
        last_inbound_message_id=message.id if _may_be_answered(message, arrival) else None,
        automatic_answers=chat.automatic_answers,
        needs_reply_since=chat.waiting_since,
        created_at=now,
        updated_at=now,
    )


def _may_be_answered(message: Message, arrival: Arrival) -> bool:
    """Whether a machine may answer it."""
    return arrival.received.makes_customer_wait and not message.for_people


def changes(conversation: Conversation, message: Message, arrival: Arrival) -> dict[str, Any]:
    """The fields, with their values, that the message changes in a conversation that exists.

    `conversation` is what it would be if it began with this message: its status is open, so that one that is snoozed
    or resolved comes back, and it needs no human.
    """
    received = arrival.received
    names = {"status", "last_message_at", "last_message_id", "needs_reply_since", "updated_at", "snoozed_until"}
    if _may_be_answered(message, arrival):  # Else the reply under way is to the message before it.
        names.add("last_inbound_message_id")
    if received.is_by_customer and not received.is_group:
        names |= {name for name in ("customer_name", "customer_phone") if getattr(conversation, name)}
    if is_answer(message, arrival):
        names |= {"needs_human", "owner", "pause_ends_at"}  # whose it was before, it still is
        names |= {"unread_count", "is_unread", "queued_at", "queue_order", "assign_at", "reassign_at"}
    if received.context:
        names.add("contexts")
    fields = conversation.model_dump(include=names)
    return fields | ({"unread_count": Increment(1), "is_unread": True} if received.counts_as_unread else {})
