"""Choosing who answers a customer, and having the answer given once.

A human assignee silences everybody else, and so does who turns automatic
answers off, in the conversation or on its channel. Then comes the agent that was
chosen for the conversation; then the team that it was given to; then the agent
that was chosen for the channel; then the instance's external agent service; then
the tenant's oldest active AI agent, with the team it leads. AI answers at most
once in 30 seconds a conversation. Else nobody does.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.answering.ai import ask_ai
from shared.answering.external import ask_external
from shared.answering.pieces import Part, messages_of
from shared.answering.runs import Run
from shared.answering.team import Crew, TeamAnswer, ask_team
from shared.answering.turns import Turn
from shared.channels import channel
from shared.deps import Deps
from shared.documents.retry import run_with_retry
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.accounts import Tenant
from shared.domain.agents import Agent, AgentKind
from shared.domain.automatic_answers import StopReason, says_nothing_new
from shared.domain.conversations import Conversation, ConversationStatus
from shared.domain.events import ReplyEvent
from shared.domain.ids import stable_id
from shared.domain.instances import ExternalAgent, Instance
from shared.domain.messages import Author, Message
from shared.domain.notifications import Notification
from shared.errors import AlreadyExists, HubError, ProviderRejected
from shared.usecases import realtime
from shared.usecases.agents import collaborations, knowledge, teams
from shared.usecases.instances import instance_config, instance_lookup
from shared.usecases.instances.instance_documents import label
from shared.usecases.outbox import automatic_answers, enqueueing
from shared.usecases.replies import pictures, recordings
from shared.usecases.reporting.notifications import notify_once

log = logging.getLogger(__name__)

COOLDOWN = timedelta(seconds=30)
_HISTORY = 20
# After this many tries a person is asked to answer.
_MAX_ATTEMPTS = 4
# Somebody who never stops typing is answered after this many debounce times.
_LONGEST_BURST = 10


@dataclass(frozen=True, slots=True)
class Answerer:
    """Who answers: an external agent service or a persona, which may lead a `crew`."""

    external: ExternalAgent | None = None
    persona: Agent | None = None
    crew: Crew | None = None

    @property
    def id(self) -> str:
        return self.persona.id if self.persona else "external"


def reply(deps: Deps, event: ReplyEvent) -> None:
    """Answer the conversation's unanswered messages, if an agent is to answer.

    A later message has its own event, so of a burst only the last one is acted
    on. Raises the answerer's error until the last try, or one that trying again
    cannot mend; then the conversation is flagged for a human. The customer never
    sees an error.
    """
    unit = UnitOfWork(deps.store)
    unit.fetch(unit.conversations.key(event.conversation_id), unit.tenants.key(event.tenant_id))
    conversation = unit.conversations.owned_or_none(event.tenant_id, event.conversation_id)
    if conversation is None:
        return
    instance = instance_lookup.find_for_webhook(deps, instance_id=conversation.instance_id)
    if instance is None or not _is_our_turn(deps, conversation, event):
        return
    answerer = _choose(deps, instance, unit.tenants.get(event.tenant_id), conversation)
    if answerer is not None:
        _answer(deps, unit, event, conversation, instance, answerer)


def _is_our_turn(deps: Deps, conversation: Conversation, event: ReplyEvent) -> bool:
    waiting = conversation.needs_reply_since
    if waiting is None or _is_silenced(conversation) or conversation.status is ConversationStatus.CLOSED:
        return False
    if conversation.last_inbound_message_id == event.message_id:
        return True
    return (deps.now() - waiting).total_seconds() > deps.settings.reply_debounce_seconds * _LONGEST_BURST + 1


def _is_silenced(conversation: Conversation) -> bool:
    """Whether people alone answer."""
    return bool(conversation.assignee_id) or not conversation.auto_reply_enabled


def _choose(deps: Deps, instance: Instance, tenant: Tenant | None, conversation: Conversation) -> Answerer | None:
    binding, tenant_id = instance.agent_binding, conversation.tenant_id
    crew, persona = None, _active_agent(deps, tenant_id, conversation.auto_reply_agent_id)
    if persona is None and binding is not None and not binding.auto_reply:
        return None
    if persona is None and conversation.team_id:
        crew = teams.crew(deps, tenant_id, conversation.team_id)
    if persona is None and crew is None and binding is not None:
        persona = _active_agent(deps, tenant_id, binding.agent_id)
    if persona is None and crew is None and instance.agent is not None:
        return Answerer(external=instance.agent)
    if _is_cooling_down(deps, conversation) and not channel(instance.adapter).capabilities.live:
        return None
    if persona is not None:
        return Answerer(persona=persona)
    if crew is not None:
        return Answerer(persona=crew.lead, crew=crew)
    if tenant is None or tenant.responder is None:
        return None
    team_id = tenant.responder_team_id
    return Answerer(persona=tenant.responder, crew=teams.crew(deps, tenant.id, team_id) if team_id else None)


def _active_agent(deps: Deps, tenant_id: str, agent_id: str | None) -> Agent | None:
    """The agent that somebody chose, while it is an active AI agent."""
    agent = UnitOfWork(deps.store).agents.owned_or_none(tenant_id, agent_id) if agent_id else None
    return agent if agent is not None and agent.active and agent.kind is AgentKind.AI else None


def _is_cooling_down(deps: Deps, conversation: Conversation) -> bool:
    last = conversation.last_auto_reply_at
    return last is not None and deps.now() - last < COOLDOWN


def _answer(
    deps: Deps,
    unit: UnitOfWork,
    event: ReplyEvent,
    conversation: Conversation,
    instance: Instance,
    answerer: Answerer,
) -> None:
    turn = Turn(instance, conversation.model_copy(), _history(unit, conversation))
    if not turn.unanswered:
        return
    reason = _reason_to_stop(deps, turn)
    if reason is not None:
        _stop(deps, turn, reason)
        return
    try:
        answer = _ask(deps, recordings.transcribed(deps, turn), answerer)
    except HubError as error:
        if event.attempt < _MAX_ATTEMPTS and not isinstance(error, ProviderRejected):
            raise
        _flag(deps, turn, error)
        return
    _accept(deps, unit, turn, answerer, answer)


def _history(unit: UnitOfWork, conversation: Conversation) -> list[Message]:
    """The latest messages, oldest first."""
    query = unit.messages.query().where(lambda message: message.conversation_id, "==", conversation.id)
    query = query.order_by(lambda message: message.sent_at, descending=True)
    return query.order_by(lambda message: message.created_at, descending=True).page(_HISTORY).documents[::-1]


@dataclass(frozen=True, slots=True)
class _Answer:
    """An answer, and the run that ends with it; what stands in for a model repeats the customer, who writes no
    Markdown.
    """

    text: str = ""
    by_team: TeamAnswer | None = None
    is_markdown: bool = True
    run: Run | None = None


def _ask(deps: Deps, turn: Turn, answerer: Answerer) -> _Answer:
    has_model = deps.settings.openai_api_key is not None
    if not turn.has_content:
        return _Answer()
    if answerer.persona is not None:
        if has_model and deps.settings.takes_pictures(answerer.persona.model):
            turn = replace(turn, pictures=pictures.newest(deps, turn))
        if has_model and answerer.persona.knowledge:
            turn = replace(turn, knowledge=knowledge.for_model(deps, answerer.persona))
        run = Run(deps, turn, answerer.persona)
        if answerer.crew is None:
            return _Answer(ask_ai(deps, turn, answerer.persona, run), is_markdown=has_model, run=run)
        team_answer = ask_team(deps, turn, answerer.crew, run)
        return _Answer(team_answer.text, team_answer, is_markdown=has_model, run=run)
    if answerer.external is None:
        return _Answer()
    api_key = instance_config.credentials(deps, turn.instance).get("agent_api_key", "")
    return _Answer(ask_external(deps, turn, answerer.external, api_key))


def _accept(deps: Deps, unit: UnitOfWork, turn: Turn, answerer: Answerer, answer: _Answer) -> None:
    """Enqueue the answer in one commit, on the channel that the conversation is on by now.

    Whoever answered or took over meanwhile wins. `unit` has read the conversation before the answerer was asked.
    """

    def attempt(unit: UnitOfWork) -> None:
        conversation = unit.conversations.owned(turn.conversation.tenant_id, turn.conversation.id)
        if not _is_taken_over(conversation, turn):
            _enqueue(deps, unit, conversation, turn, answerer, answer)

    try:
        run_with_retry(deps, attempt, unit=unit)
    except AlreadyExists:
        log.info("answered already", extra={"conversation_id": turn.conversation.id})


def _enqueue(
    deps: Deps, unit: UnitOfWork, conversation: Conversation, turn: Turn, answerer: Answerer, answer: _Answer
) -> None:
    if answer.run and answer.run.rounds:
        unit.agent_runs.remove(answer.run.id)
    unanswered_since = _unseen_since(unit, conversation, turn)
    instance = _current_instance(deps, conversation, turn)
    drafts = _drafts(turn, answerer, _parts(answer, instance))
    if not drafts:
        conversation.needs_reply_since = unanswered_since
        unit.conversations.expect_unchanged(conversation)
        unit.identities.patch(conversation.identity_id, waiting_since=unanswered_since)
        return
    conversation.last_auto_reply_at = deps.now()
    automatic_answers.count(deps, unit, conversation)
    enqueueing.enqueue(deps, unit, conversation, instance, drafts, unanswered_since=unanswered_since)
    if answer.by_team and answerer.crew:
        collaborations.add(deps, unit, turn, answerer.crew, answer.by_team, drafts[0].message_id)


def _current_instance(deps: Deps, conversation: Conversation, turn: Turn) -> Instance:
    """Where to answer: the conversation may have been moved to another channel while the answer was being made."""
    if conversation.instance_id == turn.instance.id:
        return turn.instance
    return instance_lookup.by_id(deps, conversation.tenant_id, conversation.instance_id)


def _parts(answer: _Answer, instance: Instance) -> list[Part]:
    capabilities = channel(instance.adapter).capabilities
    return messages_of(answer.text, capabilities, is_markdown=answer.is_markdown and instance.options.may_be_markdown)


def _drafts(turn: Turn, answerer: Answerer, parts: Sequence[Part]) -> list[enqueueing.Draft]:
    """The parts as messages whose ids are made of what they answer, so that it is answered once."""
    answered_id = turn.conversation.last_inbound_message_id or turn.unanswered[-1].id
    return [
        enqueueing.Draft(
            message_id=stable_id("reply", turn.conversation.id, answered_id, str(number)),
            author=Author.BOT,
            author_id=answerer.id,
            text=text,
            spans=spans,
        )
        for number, (text, spans) in enumerate(parts)
    ]


def _is_taken_over(conversation: Conversation, turn: Turn) -> bool:
    """Whether somebody answered, or a human took the conversation, while the answer was being made."""
    former = turn.conversation
    if _is_silenced(conversation) or conversation.needs_reply_since != former.needs_reply_since:
        return True
    return conversation.last_auto_reply_at != former.last_auto_reply_at


def _unseen_since(unit: UnitOfWork, conversation: Conversation, turn: Turn) -> datetime | None:
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
            _hand_over(deps, unit, conversation, turn, "agent_failed", error.detail)

    run_with_retry(deps, attempt)


def _hand_over(
    deps: Deps, unit: UnitOfWork, conversation: Conversation, turn: Turn, notification_type: str, why: str
) -> None:
    conversation.needs_human = True
    unit.conversations.expect_unchanged(conversation)
    notification = Notification(
        id=stable_id("unanswered", conversation.id, str(turn.conversation.last_inbound_message_id)),
        tenant_id=conversation.tenant_id,
        type=notification_type,
        title="A customer needs a human",
        message=f"{label(turn.instance)}: {why}",
        created_at=deps.now(),
    )
    unit.after_commit(lambda: realtime.conversation_updated(deps, conversation))
    unit.after_commit(lambda: notify_once(deps, notification))


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
        note = automatic_answers.note(deps, conversation, turn.instance, reason)
        unit.messages.add(note)
        unit.after_commit(lambda: realtime.message_created(deps, note))
        _hand_over(deps, unit, conversation, turn, "automatic_answers_stopped", reason)

    try:
        run_with_retry(deps, attempt)
    except AlreadyExists:
        log.info("stopped already", extra={"conversation_id": turn.conversation.id})
