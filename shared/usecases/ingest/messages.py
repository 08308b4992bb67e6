"""Storing one message: who wrote it, in which conversation, exactly once.

Steady state costs one read (up to three identities) and one commit of four
documents: message, identity, conversation, counters. The message's own id
refuses duplicates, the identity's version refuses to run beside anyone who
opens or closes the conversation meanwhile.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from datetime import datetime

from shared.deps import Deps
from shared.domain.conversations import Conversation
from shared.domain.events import InboundEvent, ReplyEvent, Topic
from shared.domain.ids import new_id
from shared.domain.inbound import ChatMoved, MessageReceived, Sender
from shared.domain.instances import Instance
from shared.domain.messages import Direction, Message
from shared.domain.ratings import survey_score
from shared.errors import AlreadyExists, Conflict
from shared.logs import current_trace
from shared.ports.store import Create, Document, Merge, Ref, Set, Write
from shared.usecases import realtime, refs
from shared.usecases.campaigns import campaigns
from shared.usecases.conversations import ratings, routing
from shared.usecases.identities import resolution
from shared.usecases.ingest import message_changes
from shared.usecases.ingest.message_documents import conversation_with, conversation_write, new_message, with_message
from shared.usecases.reporting import counters, metrics
from shared.usecases.retrying import decide

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Stored:
    """What one commit stored. `conversation` holds what is known without reading it."""

    message: Message
    conversation: Conversation
    is_new: bool
    wants_reply: bool = True


def store_message(deps: Deps, instance: Instance, event: InboundEvent, received: MessageReceived) -> None:
    """Store a message, tell the joined clients, and ask for a reply.

    A second time with the same event repeats only the telling and asking (the
    first time may have died in between); another event with the same provider
    message is a duplicate and changes nothing.
    """
    stored = decide(lambda: _attempt(deps, instance, event, received))
    if stored is None:
        return
    if not received.is_history:
        metrics.stored(deps, instance, event, stored.message)
    realtime.message_created(deps, stored.message)
    realtime.conversation_updated(deps, stored.conversation)
    silent = received.is_history or received.for_people
    if stored.wants_reply and stored.message.direction is Direction.INBOUND and not silent:
        _ask_for_reply(deps, stored.message, event)


def _ask_for_reply(deps: Deps, message: Message, event: InboundEvent) -> None:
    trace = current_trace()
    reply = ReplyEvent(
        tenant_id=message.tenant_id,
        conversation_id=message.conversation_id,
        message_id=message.id,
        request_id=event.request_id,
        traceparent=trace.traceparent if trace else event.traceparent,
    )
    debounce = deps.settings.reply_debounce_seconds
    deps.bus.publish(Topic.REPLIES, reply, key=message.conversation_id, delay=debounce)


def _attempt(
    deps: Deps, instance: Instance, event: InboundEvent, received: MessageReceived, early: Document | None = None
) -> Stored | None:
    now = deps.now()
    wanted = resolution.identity_refs(instance, [*received.sender.keys, received.chat_key])
    found = deps.store.get(list(dict.fromkeys(wanted)))
    chat, person = _who(deps, instance, received, found, now)
    if received.if_known and chat.version is None:
        return None
    answer = _survey_answer(deps, instance, event, received, chat)
    stored, writes = answer or _plan(instance, event, received, chat, person, now)
    if early is not None:
        stored, writes[0] = _with_early(stored, early)
    writes += chat.writes
    if person is not chat:
        writes += person.writes
        if person.version is None:
            writes.append(resolution.identity_write(person, person.identity))
    if stored.is_new and not received.is_history:
        text = None if received.from_me else received.text
        conversation, writes = routing.begin(deps, stored.conversation, text, writes)
        stored = replace(stored, conversation=conversation)
    try:
        deps.store.commit(writes)
    except AlreadyExists as clash:
        document = _message_there(deps, clash, stored.message.id)
        if "early" in document.data:
            return _attempt(deps, instance, event, received, document)
        return _again(deps, document, stored, event)
    return stored


def _who(
    deps: Deps, instance: Instance, received: MessageReceived, found: dict[Ref, Document], now: datetime
) -> tuple[resolution.Known, resolution.Known]:
    """The chat's identity and the author's. A private chat is the person's own; a group's identity
    (and customer) stands for the group, also where the business itself wrote there.
    """
    if not received.is_group:
        person = resolution.resolve(deps, instance, received.sender, found, now)
        if received.is_thread:
            return resolution.thread(instance, received, found, person, now), person
        person = resolution.with_phone(deps, person, received.sender, now)
        return person, person
    group = Sender(
        external_user_id=received.external_conversation_id,
        keys=(received.chat_key,),
        name=received.extra.get("group_name") or "Group",
    )
    chat = resolution.resolve(deps, instance, group, found, now, is_group=True)
    if received.from_me:
        return chat, chat
    return chat, resolution.resolve(deps, instance, received.sender, found, now)


def _plan(
    instance: Instance,
    event: InboundEvent,
    received: MessageReceived,
    chat: resolution.Known,
    person: resolution.Known,
    now: datetime,
) -> tuple[Stored, list[Write]]:
    is_new = chat.identity.conversation_id is None
    conversation_id = chat.identity.conversation_id or new_id()
    message = new_message(
        instance,
        event,
        received,
        chat.identity,
        conversation_id=conversation_id,
        customer_id=person.identity.customer_id,
    )
    identity = with_message(chat.identity, event, received, conversation_id)
    conversation = conversation_with(instance, event, received, identity, message, now)
    writes: list[Write] = [
        Create(refs.message(message.id), message.model_dump()),
        resolution.identity_write(chat, identity),
        conversation_write(conversation, received, is_new=is_new),
        counters.count(
            instance.tenant_id,
            instance.id,
            instance.type,
            conversation_id,
            event.received_at,
            inbound=int(not received.from_me and not received.is_note),
            outbound=int(received.from_me),
            sessions=int(is_new),
        ),
    ]
    if not (received.from_me or received.is_history or received.is_note):
        writes += campaigns.response(chat.identity, event.received_at)
    return Stored(message, conversation, is_new), writes


def _survey_answer(
    deps: Deps, instance: Instance, event: InboundEvent, received: MessageReceived, chat: resolution.Known
) -> tuple[Stored, list[Write]] | None:
    """The answer to a survey belongs to the resolved conversation, which stays so; None for any other message."""
    survey, score = chat.identity.survey, survey_score(chat.identity, received, event.received_at)
    if survey is None or score is None:
        return None
    message = new_message(
        instance,
        event,
        received,
        chat.identity,
        conversation_id=survey.conversation_id,
        customer_id=chat.identity.customer_id,
    )
    taken = ratings.take_answer(deps, chat, message, score)
    return (Stored(message, taken[0], is_new=False, wants_reply=False), taken[1]) if taken else None


def _message_there(deps: Deps, clash: AlreadyExists, message_id: str) -> Document:
    """The document that stands in the message's place; else it was a person, met in parallel: decide again."""
    ref = refs.message(message_id)
    document = clash.document if clash.ref == ref else None
    document = document or deps.store.get([ref]).get(ref)
    if document is None:
        raise Conflict(clash.ref)
    return document


def _with_early(stored: Stored, early: Document) -> tuple[Stored, Write]:
    """A receipt, an edit or a deletion came before its message and left a note in its place."""
    changes = message_changes.note_changes(stored.message.status, early.data["early"])
    message = stored.message.model_copy(update=changes)
    write = Set(early.ref, message.model_dump(), early.version)
    return replace(stored, message=message), write


def _again(deps: Deps, document: Document, stored: Stored, event: InboundEvent) -> Stored | None:
    """A duplicate of another event is dropped; our own event again goes on to the telling and asking.

    Our own event may also be a replay after the parser was mended: then the
    message takes on what is read now.
    """
    if document.data.get("raw_event_id") != event.id:
        log.info("dropped a duplicate", extra={"message_id": stored.message.id})
        return None
    message = Message.model_validate(document.data)
    content = stored.message.model_dump(include={"kind", "text", "attachments", "extra"})
    if message.edited_at is None and content != message.model_dump(include=set(content)):
        deps.store.commit([Merge(document.ref, content, document.version)])
        message = message.model_copy(update={name: getattr(stored.message, name) for name in content})
    ref = refs.conversation(message.conversation_id)
    known = deps.store.get([ref]).get(ref)
    conversation = Conversation.model_validate(known.data) if known else stored.conversation
    return Stored(message, conversation, is_new=False)


def move_chat(deps: Deps, instance: Instance, moved: ChatMoved) -> None:
    """A chat has a new address at the provider: both addresses now lead to the same conversation.

    What goes to the chat from now on goes to the new one. An address that nobody knows has no chat to move.
    """
    decide(lambda: _move(deps, instance, moved))


def _move(deps: Deps, instance: Instance, moved: ChatMoved) -> None:
    new = moved.new_external_conversation_id
    sender = Sender(external_user_id=new, keys=(moved.chat_key, new))
    found = deps.store.get(resolution.identity_refs(instance, sender.keys))
    if refs.identity(instance.id, moved.chat_key) not in found:
        return
    chat = resolution.resolve(deps, instance, sender, found, deps.now())
    if not chat.writes and chat.identity.external_user_id != moved.chat_key:
        return  # It is told again, perhaps after the chat has moved on.
    identity = chat.identity.model_copy(update={"external_user_id": new})
    writes = [*chat.writes, resolution.identity_write(chat, identity)]
    if identity.conversation_id:
        addresses = {"external_conversation_id": new, "external_user_id": new}
        writes.append(Merge(refs.conversation(identity.conversation_id), addresses))
    try:
        deps.store.commit(writes)
    except AlreadyExists as clash:
        raise Conflict(clash.ref) from clash
