"""What a message that came makes of the documents it touches."""

from __future__ import annotations

from datetime import datetime, timedelta

from shared.domain.conversations import Conversation, Leg
from shared.domain.customers import Identity, Placement
from shared.domain.events import InboundEvent
from shared.domain.inbound import MessageReceived
from shared.domain.instances import Instance
from shared.domain.messages import Author, Direction, Message, MessageStatus
from shared.ports.store import Create, Merge, Write
from shared.usecases import refs
from shared.usecases.customers.customers import shortened


def with_message(identity: Identity, event: InboundEvent, received: MessageReceived, conversation_id: str) -> Identity:
    """The chat's identity after this message. Any message but an answer to it ends a survey."""
    ours = received.from_me
    return identity.model_copy(
        update={
            "conversation_id": conversation_id,
            "waiting_since": _waiting(identity, event, received),
            "last_inbound_at": identity.last_inbound_at if ours else event.received_at,
            "name": _name(identity, received),
            "last_placement": identity.last_placement if received.is_history else place(identity, event, received),
            "survey": None,
            "campaign": identity.campaign if ours or received.is_history else None,
        }
    )


def _waiting(identity: Identity, event: InboundEvent, received: MessageReceived) -> datetime | None:
    if received.is_history or received.is_note:
        return identity.waiting_since
    return None if received.from_me else min(identity.waiting_since or event.received_at, event.received_at)


def _name(identity: Identity, received: MessageReceived) -> str | None:
    joined = received.is_thread and received.sender.external_user_id != identity.external_user_id
    if received.is_group or received.from_me or joined:
        return identity.name
    return received.sender.name or identity.name


def new_message(
    instance: Instance,
    event: InboundEvent,
    received: MessageReceived,
    chat: Identity,
    *,
    conversation_id: str,
    customer_id: str,
) -> Message:
    """The message as it is stored; `chat` is the chat's identity as it was before."""
    outbound, note = received.from_me, received.is_note
    by_customer = not outbound and not note
    return Message(
        id=refs.provider_message(instance.id, received.external_message_id).id,
        tenant_id=instance.tenant_id,
        instance_id=instance.id,
        conversation_id=conversation_id,
        customer_id=customer_id,
        direction=Direction.SYSTEM if note else Direction.OUTBOUND if outbound else Direction.INBOUND,
        author=Author.SYSTEM if note else Author.OTHER if outbound else Author.CUSTOMER,
        author_id=received.sender.external_user_id if by_customer else None,
        author_name=received.sender.name if by_customer else None,
        author_phone=received.sender.phone if by_customer else None,
        kind=received.kind,
        text=received.text,
        attachments=list(received.attachments),
        external_message_id=received.external_message_id,
        reply_to=received.reply_to,
        extra=received.extra,
        status=MessageStatus.SENT if outbound else MessageStatus.RECEIVED,
        raw_event_id=event.id,
        traceparent=event.traceparent,
        sent_at=place(chat, event, received).sent_at,
        created_at=event.received_at,
    )


# Providers tell whole seconds. A message that arrived at once is placed by its
# arrival instead, or it would seem to come before an answer given in the same second.
_AT_ONCE = timedelta(seconds=2)
_OLDEST = timedelta(days=400)


def place(chat: Identity, event: InboundEvent, received: MessageReceived) -> Placement:
    """Where a message belongs in its chat.

    A provider's time counts for what comes late, unless it lies in the future
    or years back. Never before the chat's latest message, unless the provider
    says that it is older.
    """
    said, arrived, latest = received.sent_at, event.received_at, chat.last_placement
    sent = said if _AT_ONCE < arrived - said < _OLDEST else arrived
    if latest is not None and said >= latest.said_at and not received.is_history:
        sent = max(sent, latest.sent_at)
    return Placement(said_at=said, sent_at=sent)


def conversation_with(
    instance: Instance,
    event: InboundEvent,
    received: MessageReceived,
    identity: Identity,
    message: Message,
    now: datetime,
) -> Conversation:
    leg = Leg(
        instance_id=instance.id,
        channel=instance.type,
        external_conversation_id=received.external_conversation_id,
        external_user_id=identity.external_user_id,
        started_at=now,
    )
    return Conversation(
        id=message.conversation_id,
        tenant_id=instance.tenant_id,
        customer_id=identity.customer_id,
        identity_id=identity.id,
        instance_id=instance.id,
        channel=instance.type,
        external_conversation_id=received.external_conversation_id,
        external_user_id=identity.external_user_id,
        is_group=received.is_group,
        customer_name=identity.shown_name,
        customer_phone=identity.phone,
        summary=shortened(received.text),
        legs=[leg],
        contexts={instance.id: received.context} if received.context else {},
        last_message_at=event.received_at,
        last_inbound_message_id=None if received.from_me or received.is_note else message.id,
        needs_reply_since=identity.waiting_since,
        created_at=now,
        updated_at=now,
    )


def conversation_write(conversation: Conversation, received: MessageReceived, *, is_new: bool) -> Write:
    ref = refs.conversation(conversation.id)
    if is_new:
        return Create(ref, conversation.model_dump())
    changed = {"status", "last_message_at", "needs_reply_since", "updated_at", "snoozed_until"}
    if not received.from_me and not received.is_note:
        if not received.is_history:  # The reply under way is to the message before it.
            changed.add("last_inbound_message_id")
        if not received.is_group:
            shown = {"customer_name": conversation.customer_name, "customer_phone": conversation.customer_phone}
            changed |= {name for name, value in shown.items() if value}
    if received.from_me and not received.is_history:
        changed.add("needs_human")
    if received.context:
        changed.add("contexts")
    return Merge(ref, conversation.model_dump(include=changed))
