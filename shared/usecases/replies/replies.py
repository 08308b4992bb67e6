"""Having the answer to a customer given once, by whoever is chosen for it.

After an answer an AI agent rests in that conversation; what comes meanwhile is
answered once, when the rest is over.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from datetime import datetime

from shared.answering.ai import ask_ai
from shared.answering.external import ask_external
from shared.answering.pieces import Part, messages_of
from shared.answering.runs import Run
from shared.answering.team import TeamAnswer, ask_team
from shared.answering.turns import Turn
from shared.channels import channel
from shared.deps import Deps
from shared.documents.retry import run_with_retry
from shared.documents.unit_of_work import UnitOfWork
from shared.domain import keywords
from shared.domain.accounts import Tenant
from shared.domain.automatic_answers import StopReason, says_nothing_new
from shared.domain.conversations import Conversation
from shared.domain.events import ReplyEvent, Topic
from shared.domain.ids import stable_id
from shared.domain.instances import Instance
from shared.domain.messages import Author, Message
from shared.errors import AlreadyExists, HubError, ProviderRejected
from shared.usecases import realtime
from shared.usecases.agents import collaborations, knowledge
from shared.usecases.conversations import ownership, presence
from shared.usecases.instances import instance_config, instance_lookup
from shared.usecases.outbox import automatic_answers, enqueueing
from shared.usecases.replies import choosing, closing, confirmations, growing, pictures, recordings
from shared.usecases.replies.choosing import Answerer
from shared.usecases.replies.growing import GrowingAnswer
from shared.usecases.reporting import notifications
from shared.usecases.service_levels import clocks

log = logging.getLogger(__name__)

HAND_OVER = "hand_over"
"""The type of the notification that a conversation was handed over to people."""

_HISTORY = 20
# After this many tries a person is asked to answer.
_MAX_ATTEMPTS = 4
# Seconds. A longer rest is slept in pieces, as what waits in the bus is delivered and refused again and again.
_LONGEST_SLEEP = 60


def reply(deps: Deps, event: ReplyEvent) -> None:
    """Answer the conversation's unanswered messages, if an agent is to answer.

    A later message has its own event, so of a burst only the last one is acted
    on. Raises the answerer's error until the last try, or one that trying again
    cannot mend; then the conversation is flagged for a human. The customer never
    sees an error.
    """
    if event.consent is not None:
        confirmations.confirm(deps, event, event.consent)
        return
    unit, conversation = _read(deps, event)
    if conversation is None:
        return
    instance = instance_lookup.find_cached(deps, instance_id=conversation.instance_id)
    if instance is None:
        return
    tenant = unit.tenants.get(event.tenant_id)
    answerer, reason = _answerer(deps, event, instance, tenant, conversation)
    if answerer is None:
        closing.tell(deps, conversation)
        _stay_silent(deps, conversation, event, reason)
        return
    rest = choosing.seconds_of_rest(deps, conversation, instance, answerer)
    if rest > 0:
        _log_silence(conversation, "the agent rests")
        _come_again(deps, conversation, event, rest)
    elif event.is_reminder:
        _publish(deps, event.model_copy(update={"is_reminder": False}))
    else:
        _answer(deps, unit, event, conversation, instance, answerer)


def _read(deps: Deps, event: ReplyEvent) -> tuple[UnitOfWork, Conversation | None]:
    """The conversation, whose pause is ended if it is over."""
    unit = UnitOfWork(deps.store)
    unit.fetch(unit.conversations.key(event.conversation_id), unit.tenants.key(event.tenant_id))
    conversation = unit.conversations.owned_or_none(event.tenant_id, event.conversation_id)
    if conversation is not None and ownership.is_pause_over(deps, conversation):
        ownership.end_pause(deps, event.tenant_id, conversation.id)
        return _read(deps, event)
    return unit, conversation


def _answerer(
    deps: Deps, event: ReplyEvent, instance: Instance, tenant: Tenant | None, conversation: Conversation
) -> tuple[Answerer | None, str]:
    """Who answers; else None and why nobody is asked."""
    reason = choosing.reason_for_silence(deps, conversation, event)
    if reason is not None:
        return None, reason
    answerer = choosing.choose(deps, instance, tenant, conversation)
    if answerer is None:
        return None, "no agent is active"
    if closing.keeps_agents_waiting(deps, tenant, conversation):
        return None, "agents answer at other hours"
    return answerer, ""


def _stay_silent(deps: Deps, conversation: Conversation, event: ReplyEvent, reason: str) -> None:
    """Nobody goes on with what an earlier try may have begun."""
    _log_silence(conversation, reason)
    if event.attempt > 1:
        growing.take_back(deps, conversation, event.message_id)


def _log_silence(conversation: Conversation, reason: str) -> None:
    log.info("no agent is asked", extra={"conversation_id": conversation.id, "why": reason})


def _come_again(deps: Deps, conversation: Conversation, event: ReplyEvent, seconds: float) -> None:
    """Look at the conversation again when the rest is over; a later message has a reminder of its own."""
    if conversation.last_inbound_message_id == event.message_id:
        _publish(deps, event.model_copy(update={"is_reminder": True}), min(seconds, _LONGEST_SLEEP))


def _publish(deps: Deps, event: ReplyEvent, delay: float = 0.0) -> None:
    deps.bus.publish(Topic.REPLIES, event, key=event.conversation_id, delay=delay)


def _answer(
    deps: Deps,
    unit: UnitOfWork,
    event: ReplyEvent,
    conversation: Conversation,
    instance: Instance,
    answerer: Answerer,
) -> None:
    # A copy, as it was when the agent was asked; the unit's own is changed by the answer.
    turn = Turn(instance, conversation.model_copy(), _history(unit, conversation))
    if not turn.unanswered:
        return
    reason = _reason_to_stop(deps, turn)
    if reason is not None:
        _stop(deps, turn, reason)
        return
    if _asks_for_person(turn, unit.tenants.get(event.tenant_id)):
        _hand_over(deps, turn, "the customer asks for a person")
        closing.tell(deps, conversation)
        return
    growth = _growth(deps, unit, turn, answerer, event)
    try:
        with _typing(deps, turn, answerer):
            answer = _ask(deps, recordings.transcribed(deps, turn), answerer, growth)
    except HubError as error:
        if event.attempt < _MAX_ATTEMPTS and not isinstance(error, ProviderRejected):
            raise
        if growth is not None:
            growth.cancel()
        _flag(deps, turn, error)
        return
    _accept(deps, unit, turn, answerer, answer, growth)


def _growth(deps: Deps, unit: UnitOfWork, turn: Turn, answerer: Answerer, event: ReplyEvent) -> GrowingAnswer | None:
    """Only the answer of a model that answers alone is seen while it is being written."""
    is_written = answerer.agent is not None and answerer.crew is None and deps.settings.openai_api_key is not None
    if not is_written or not turn.has_content or not growing.may_grow(turn.instance):
        return None
    return GrowingAnswer(deps, unit, turn, answerer.id, event.message_id)


def _history(unit: UnitOfWork, conversation: Conversation) -> list[Message]:
    """The latest messages, oldest first."""
    query = unit.messages.query().where(lambda message: message.conversation_id, "==", conversation.id)
    query = query.order_by(lambda message: message.sent_at, descending=True)
    latest = query.order_by(lambda message: message.created_at, descending=True).page(_HISTORY).documents
    return [message for message in reversed(latest) if not message.is_growing]


@dataclass(frozen=True, slots=True)
class _Answer:
    """An answer, and the run that ends with it. `is_markdown` is false for the echo that stands in for a model."""

    text: str = ""
    by_team: TeamAnswer | None = None
    is_markdown: bool = True
    run: Run | None = None


def _typing(deps: Deps, turn: Turn, answerer: Answerer) -> AbstractContextManager[None]:
    """An echo comes at once; where a customer wrote nothing that can be answered, nobody writes."""
    thinks = answerer.external is not None or deps.settings.openai_api_key is not None
    if not thinks or not turn.has_content:
        return nullcontext()
    return presence.typing(deps, turn.instance, turn.conversation)


def _ask(deps: Deps, turn: Turn, answerer: Answerer, growth: GrowingAnswer | None) -> _Answer:
    has_model = deps.settings.openai_api_key is not None
    if not turn.has_content:
        return _Answer()
    if answerer.agent is not None:
        if has_model and deps.settings.takes_pictures(answerer.agent.model):
            turn = replace(turn, pictures=pictures.newest(deps, turn))
        if has_model and answerer.agent.knowledge:
            turn = replace(turn, knowledge=knowledge.for_model(deps, answerer.agent))
        run = Run(deps, turn, answerer.agent)
        if answerer.crew is None:
            listen = growth.listen if growth else None
            return _Answer(ask_ai(deps, turn, answerer.agent, run, listen), is_markdown=has_model, run=run)
        team_answer = ask_team(deps, turn, answerer.crew, run)
        return _Answer(team_answer.text, team_answer, is_markdown=has_model, run=run)
    if answerer.external is None:
        return _Answer()
    api_key = instance_config.credentials(deps, turn.instance).get("agent_api_key", "")
    return _Answer(ask_external(deps, turn, answerer.external, api_key))


def _accept(
    deps: Deps, unit: UnitOfWork, turn: Turn, answerer: Answerer, answer: _Answer, growth: GrowingAnswer | None
) -> None:
    """Enqueue the answer in one commit, on the channel that the conversation is on by now.

    Whoever answered or took over meanwhile wins. `unit` has read the conversation before the answerer was asked.
    """

    def attempt(unit: UnitOfWork) -> bool:
        """Returns whether the answer that grew came to its end."""
        conversation = unit.conversations.owned(turn.conversation.tenant_id, turn.conversation.id)
        if _is_taken_over(conversation, turn):
            return False
        return _enqueue(deps, unit, conversation, turn, answerer, answer, growth)

    is_finished = False
    try:
        # What grew has changed the conversation since it was read.
        is_finished = run_with_retry(deps, attempt, create_once=True, unit=None if growth and growth.is_begun else unit)
    except AlreadyExists:
        log.info("answered already", extra={"conversation_id": turn.conversation.id})
    if growth is not None and not is_finished:
        growth.cancel()


def _enqueue(
    deps: Deps,
    unit: UnitOfWork,
    conversation: Conversation,
    turn: Turn,
    answerer: Answerer,
    answer: _Answer,
    growth: GrowingAnswer | None,
) -> bool:
    if answer.run and answer.run.rounds:
        unit.agent_runs.remove(answer.run.id)
    unanswered_since = _still_waiting_since(unit, conversation, turn)
    instance = _current_instance(deps, conversation, turn)
    parts = _parts(answer, instance)
    tools = answer.run.called if answer.run else ()
    drafts = _drafts(turn, answerer, parts, tools)
    hand_over_reason = answer.run.hand_over_reason if answer.run else None
    if hand_over_reason is not None:
        # The customer waits on, now for a person.
        if drafts:
            enqueueing.enqueue(deps, unit, conversation, instance, drafts, is_answer=False)
        _call_person(deps, unit, conversation, turn, hand_over_reason)
        return False
    if not drafts:
        conversation.needs_reply_since = unanswered_since
        clocks.follow(deps, conversation)
        unit.conversations.expect_unchanged(conversation)
        unit.identities.patch(conversation.identity_id, waiting_since=unanswered_since)
        return False
    conversation.last_auto_reply_at = deps.now()
    automatic_answers.count(deps, unit, conversation)
    has_grown = growth is not None and growth.is_begun and instance.id == turn.instance.id
    if has_grown and growth is not None:
        growth.finish(unit, parts[0], tools)
    others = drafts[1:] if has_grown else drafts
    enqueueing.enqueue(deps, unit, conversation, instance, others, unanswered_since=unanswered_since)
    if answer.by_team and answerer.crew:
        collaborations.add(deps, unit, turn, answerer.crew, answer.by_team, drafts[0].message_id)
    return has_grown


def _call_person(deps: Deps, unit: UnitOfWork, conversation: Conversation, turn: Turn, reason: str) -> None:
    """Leave the conversation to people. On a call machines go on: the caller would hear nothing at all."""
    if channel(turn.instance.adapter).capabilities.live:
        _flag_for_person(deps, unit, conversation, turn, HAND_OVER, reason)
    else:
        ownership.wait_for_person(deps, unit, conversation, HAND_OVER, reason)


def _hand_over(deps: Deps, turn: Turn, reason: str) -> None:
    """Leave the conversation to people without an answer, unless somebody answered or took over."""

    def attempt(unit: UnitOfWork) -> None:
        conversation = unit.conversations.owned(turn.conversation.tenant_id, turn.conversation.id)
        if not _is_taken_over(conversation, turn):
            ownership.wait_for_person(deps, unit, conversation, HAND_OVER, reason)

    run_with_retry(deps, attempt)


def _asks_for_person(turn: Turn, tenant: Tenant | None) -> bool:
    """Whether the customer's words ask for a person; on a call that is for the agent to hear."""
    if channel(turn.instance.adapter).capabilities.live:
        return False
    phrases = tenant.hand_over_words if tenant is not None and tenant.hand_over_words is not None else keywords.PERSON
    return any(keywords.asks_for(message.text or "", phrases) for message in turn.to_answer)


def _current_instance(deps: Deps, conversation: Conversation, turn: Turn) -> Instance:
    """Where to answer: the conversation may have been moved to another channel while the answer was being made."""
    if conversation.instance_id == turn.instance.id:
        return turn.instance
    return instance_lookup.by_id(deps, conversation.tenant_id, conversation.instance_id)


def _parts(answer: _Answer, instance: Instance) -> list[Part]:
    capabilities = channel(instance.adapter).capabilities
    return messages_of(answer.text, capabilities, is_markdown=answer.is_markdown and instance.options.may_be_markdown)


def _drafts(turn: Turn, answerer: Answerer, parts: Sequence[Part], tools: tuple[str, ...]) -> list[enqueueing.Draft]:
    """The parts as messages whose ids are made of what they answer, so that it is answered once."""
    answered_id = turn.conversation.last_inbound_message_id or turn.unanswered[-1].id
    return [
        enqueueing.Draft(
            message_id=stable_id("reply", turn.conversation.id, answered_id, str(number)),
            author=Author.BOT,
            author_id=answerer.id,
            text=text,
            spans=spans,
            tools=tools if number == 0 else (),
        )
        for number, (text, spans) in enumerate(parts)
    ]


def _is_taken_over(conversation: Conversation, turn: Turn) -> bool:
    """Whether somebody answered, or a human took the conversation, while the answer was being made."""
    former = turn.conversation
    if conversation.is_left_to_people or conversation.needs_reply_since != former.needs_reply_since:
        return True
    return conversation.last_auto_reply_at != former.last_auto_reply_at


def _still_waiting_since(unit: UnitOfWork, conversation: Conversation, turn: Turn) -> datetime | None:
    """Since when somebody waits whom this does not answer; the conversation's version guards the answer.

    That is who wrote after the answerer was asked, and who is to be answered by a person. In a group an answer is for
    everybody.
    """
    answered_ids = {message.id for message in (turn.unanswered if conversation.is_group else turn.to_answer)}
    history = _history(unit, conversation) if _has_new_messages(conversation, turn) else turn.history
    unanswered = Turn(turn.instance, conversation, history).unanswered
    return min((m.created_at for m in unanswered if m.id not in answered_ids and m.deleted_at is None), default=None)


def _has_new_messages(conversation: Conversation, turn: Turn) -> bool:
    former = turn.conversation
    return (conversation.last_message_at, conversation.last_inbound_message_id) != (
        former.last_message_at,
        former.last_inbound_message_id,
    )


def _flag(deps: Deps, turn: Turn, error: HubError) -> None:
    """Ask for a human, unless somebody answered or took over while the answerer was failing."""
    log.error("nobody answered", extra={"conversation_id": turn.conversation.id, "why": error.detail})

    def attempt(unit: UnitOfWork) -> None:
        conversation = unit.conversations.owned(turn.conversation.tenant_id, turn.conversation.id)
        if not _is_taken_over(conversation, turn):
            _flag_for_person(deps, unit, conversation, turn, "agent_failed", error.detail)

    run_with_retry(deps, attempt)


def _flag_for_person(
    deps: Deps, unit: UnitOfWork, conversation: Conversation, turn: Turn, notification_type: str, why: str
) -> None:
    conversation.needs_human = True
    unit.conversations.expect_unchanged(conversation)
    occasion = str(turn.conversation.last_inbound_message_id)
    notification = ownership.notification_of(deps, conversation, occasion, notification_type, why)
    realtime.conversation_updated(deps, unit, conversation)
    realtime.needs_human(deps, unit, conversation, why)
    notifications.put(deps, unit, notification)


def _reason_to_stop(deps: Deps, turn: Turn) -> StopReason | None:
    """Why nothing answers by itself any more. On a call a person is there, who would hear nothing at all."""
    if channel(turn.instance.adapter).capabilities.live:
        return None
    if not automatic_answers.may_answer(deps, turn.conversation, turn.instance):
        return StopReason.TOO_MANY
    if any(message.is_late for message in turn.to_answer):
        return StopReason.LATE
    return StopReason.NOTHING_NEW if says_nothing_new(turn.history) else None


def _stop(deps: Deps, turn: Turn, reason: StopReason) -> None:
    """Answer no more by itself: leave a note for people, and ask for one of them."""

    def attempt(unit: UnitOfWork) -> None:
        conversation = unit.conversations.owned(turn.conversation.tenant_id, turn.conversation.id)
        if conversation.needs_human or _is_taken_over(conversation, turn):
            return
        note = automatic_answers.note(deps, conversation, reason)
        unit.messages.add(note)
        realtime.message_created(deps, unit, note)
        _flag_for_person(deps, unit, conversation, turn, "automatic_answers_stopped", reason)

    try:
        run_with_retry(deps, attempt, create_once=True)
    except AlreadyExists:
        log.info("stopped already", extra={"conversation_id": turn.conversation.id})
