"""Storing a message: its author, its conversation, exactly once.

Steady state costs one read (up to three identities) and one commit of four
documents: message, identity, conversation, counters. The message's own id
refuses duplicates, the identity's version refuses to run beside anyone who
opens or closes the conversation meanwhile.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace

from shared.deps import Deps
from shared.documents.retry import run_with_retry
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.analytics import Counters
from shared.domain.conversations import Conversation
from shared.domain.customers import Identity
from shared.domain.events import InboundEvent, ReplyEvent, Topic
from shared.domain.ids import new_id
from shared.domain.inbound import MessageReceived
from shared.domain.instances import Instance
from shared.domain.messages import Direction, EarlyNote, Message, MessageRecord, changes_by_note
from shared.domain.ratings import survey_score
from shared.logs import current_trace
from shared.usecases import realtime
from shared.usecases.accounts import tenants
from shared.usecases.conversations import access, file_copies, ownership, ratings, routing
from shared.usecases.identities import resolution
from shared.usecases.ingest import blocked, consents, floods, groups, message_documents
from shared.usecases.ingest.message_documents import Arrival
from shared.usecases.outbox import unknown_outcomes
from shared.usecases.reporting import counters, metrics
from shared.usecases.service_levels import clocks

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Stored:
    """A stored message. `conversation` has what is known without reading it, which `is_whole` says is all of it.

    One that `was_stored` before is as it was then.
    """

    message: Message
    conversation: Conversation
    wants_reply: bool = True
    is_whole: bool = True
    was_stored: bool = False


def store_message(deps: Deps, instance: Instance, event: InboundEvent, received: MessageReceived) -> None:
    """Store a message, tell the joined clients, and ask for a reply.

    A second time with the same event repeats only the telling and asking (the
    first time may have died in between); another event with the same provider
    message is a duplicate and changes nothing.
    """
    arrival = Arrival(instance, event, received)
    run_with_retry(deps, lambda unit: _store(deps, unit, arrival))


def _store(deps: Deps, unit: UnitOfWork, arrival: Arrival) -> None:
    record = unit.message_records.collided_with(arrival.message_id)
    if record is None or isinstance(record, EarlyNote):
        stored = _store_new(deps, unit, arrival, record)
    else:
        stored = _stored_before(deps, unit, arrival, record)
    if stored is not None:
        _announce(deps, unit, arrival, stored)


def _store_new(deps: Deps, unit: UnitOfWork, arrival: Arrival, note: EarlyNote | None) -> Stored | None:
    instance = arrival.instance
    received = resolution.in_authors_chat(unit, instance, arrival.received)
    arrival = replace(arrival, received=received)
    answered = groups.answered_key(unit, instance, received)
    identities = resolution.chat_and_author(deps, unit, instance, received, *answered)
    if identities is None:
        return None
    chat, author = identities
    unit.identities.expect_unchanged(chat)
    if (
        received.from_me
        and chat.unsettled_ids
        and unknown_outcomes.settle_by_echo(deps, unit, instance, chat, received)
    ):
        return None
    stored = (
        _store_blocked(deps, unit, arrival, chat, author)
        or _store_survey_answer(deps, unit, arrival, chat)
        or _store_in_chat(deps, unit, arrival, chat, author)
    )
    _add_message(unit, stored.message, note)
    file_copies.order(deps, unit, stored.message)
    return stored


def _add_message(unit: UnitOfWork, message: Message, note: EarlyNote | None) -> None:
    """Receipts, edits or a deletion that came before the message left a note under its id."""
    if note is None:
        unit.messages.add(message)
        return
    early = note.early if message.direction is Direction.INBOUND else note.early.about_ours()
    if early.edited_at is not None:
        message.edit(early.text, early.attachments, early.edited_at)
    for field, value in changes_by_note(message.status, early).items():
        setattr(message, field, value)
    unit.message_records.put(message, message.id)


def _store_blocked(deps: Deps, unit: UnitOfWork, arrival: Arrival, chat: Identity, author: Identity) -> Stored | None:
    """Store what somebody writes who may not; None for any other message."""
    if not arrival.received.is_by_customer or not access.is_blocked(deps, unit, arrival.instance, author):
        return None
    message, conversation = blocked.store(deps, unit, arrival, chat, author)
    return Stored(message, conversation, wants_reply=False)


def _store_survey_answer(deps: Deps, unit: UnitOfWork, arrival: Arrival, chat: Identity) -> Stored | None:
    """Store the answer to a survey in the closed conversation that it rates; None for any other message."""
    survey, score = chat.survey, survey_score(chat, arrival.received, arrival.event.received_at)
    if survey is None or score is None:
        return None
    message = message_documents.new_message(
        arrival, chat, conversation_id=survey.conversation_id, customer_id=chat.customer_id
    )
    conversation = ratings.store_survey_answer(deps, unit, chat, message, score)
    return Stored(message, conversation, wants_reply=False) if conversation else None


def _store_in_chat(deps: Deps, unit: UnitOfWork, arrival: Arrival, chat: Identity, author: Identity) -> Stored:
    """Store the message in the chat's open conversation, else in a new one."""
    consent = consents.of(arrival.instance, chat, arrival.received)
    received = consents.as_received(arrival.instance, chat, arrival.received, consent)
    arrival, received_at = replace(arrival, received=received), arrival.event.received_at
    conversation_id = chat.conversation_id or new_id()
    is_new = chat.conversation_id is None
    message = message_documents.new_message(
        arrival,
        chat,
        conversation_id=conversation_id,
        customer_id=author.customer_id,
        is_addressed=groups.is_addressed(unit, arrival.instance, received),
    )
    if received.makes_customer_wait:
        counters.count_campaign_response(unit, chat, received_at)
    waiting_before = chat.waiting_since
    message_documents.update_chat(chat, message, arrival)
    if consent is not None:
        message.consent = consent
        consents.apply(deps, unit, arrival.instance, chat, consent, message.text or "", received_at)
    conversation = message_documents.conversation_of(arrival, chat, message, deps.now())
    if message_documents.is_answer(message, arrival):
        tenant = tenants.cached(deps, chat.tenant_id)
        conversation.give_to_human(None, ownership.pause_ends_at(deps, arrival.instance, tenant))
    _route(deps, unit, arrival, chat, conversation, is_new=is_new)
    is_flood = floods.count(unit, arrival, chat)
    if is_new:
        unit.conversations.add(conversation)
        clocks.follow(deps, conversation)
    else:
        sets_clocks = chat.waiting_since != waiting_before
        _change_conversation(deps, unit, arrival, conversation, message, sets_clocks=sets_clocks)
        if is_flood:
            floods.pause(deps, unit, arrival, chat, conversation_id)
    amounts = Counters(inbound=int(received.is_by_customer), outbound=int(received.from_me), sessions=int(is_new))
    counters.count(unit, counters.Source.of(conversation), received_at, amounts)
    return Stored(message, conversation, is_whole=is_new)


def _change_conversation(
    deps: Deps, unit: UnitOfWork, arrival: Arrival, conversation: Conversation, message: Message, *, sets_clocks: bool
) -> None:
    """Write down what the message changes in its conversation, which is read only where promised times depend on it."""
    is_promised = sets_clocks and clocks.are_promised(deps, conversation.tenant_id)
    stored = unit.conversations.owned_or_none(conversation.tenant_id, conversation.id) if is_promised else None
    unit.conversations.patch(conversation.id, **message_documents.changes(conversation, message, arrival))
    if stored is not None:
        clocks.follow(deps, stored)


def _route(
    deps: Deps, unit: UnitOfWork, arrival: Arrival, chat: Identity, conversation: Conversation, *, is_new: bool
) -> None:
    """Apply the routing rules with the first message that is to be routed.

    Where others came before it, that costs a read of the conversation.
    """
    received = arrival.received
    if received.is_history or received.not_routed:
        chat.awaits_routing = chat.awaits_routing or is_new
        return
    if not is_new and not chat.awaits_routing:
        return
    chat.awaits_routing = False
    routed = conversation if is_new else unit.conversations.owned_or_none(chat.tenant_id, conversation.id)
    if routed is not None:
        routing.apply(deps, unit, routed, None if received.from_me else received.text)


def _stored_before(deps: Deps, unit: UnitOfWork, arrival: Arrival, record: MessageRecord) -> Stored | None:
    """A duplicate of another event is dropped; our own event again goes on to the telling and asking.

    Our own event may also be a replay after the parser was fixed: then the
    message takes on what is read now.
    """
    if not isinstance(record, Message) or record.raw_event_id != arrival.event.id:
        log.info("dropped a duplicate", extra={"message_id": arrival.message_id})
        return None
    former = record.model_copy()
    if record.edited_at is None:
        received = arrival.received
        record.kind, record.text = received.kind, received.text
        record.attachments, record.content, record.extra = list(received.attachments), received.content, received.extra
        file_copies.order(deps, unit, record, former.attachments)
    conversation = unit.conversations.owned_or_none(record.tenant_id, record.conversation_id)
    return Stored(record, conversation, was_stored=record == former) if conversation else None


def _announce(deps: Deps, unit: UnitOfWork, arrival: Arrival, stored: Stored) -> None:
    received, message = arrival.received, stored.message
    if not received.is_history:
        unit.after_commit(lambda: metrics.message_stored(deps, arrival.instance, arrival.event, message))
    if message.blocked:
        return
    realtime.message_created(deps, unit, message, is_kept_before=stored.was_stored)
    realtime.conversation_updated(
        deps, unit, stored.conversation, is_whole=stored.is_whole, is_kept_before=stored.was_stored
    )
    wants_answer = stored.wants_reply and received.makes_customer_wait and not message.for_people
    if wants_answer or message.consent is not None:
        unit.after_commit(lambda: _ask_for_reply(deps, message, arrival.event))


def _ask_for_reply(deps: Deps, message: Message, event: InboundEvent) -> None:
    trace = current_trace()
    reply = ReplyEvent(
        tenant_id=message.tenant_id,
        conversation_id=message.conversation_id,
        message_id=message.id,
        consent=message.consent,
        request_id=event.request_id,
        traceparent=trace.traceparent if trace else event.traceparent,
    )
    debounce = deps.settings.reply_debounce_seconds
    deps.bus.publish(Topic.REPLIES, reply, key=message.conversation_id, delay=debounce)
