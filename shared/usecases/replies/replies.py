"""Who answers a customer, and that the answer is given once.

A human assignee silences everybody else; then the team that the conversation
was given to; then the instance's external agent service; then the tenant's
oldest active AI agent, with the team it leads. AI answers at most once in 30
seconds a conversation. Else nobody does.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.answering.ai import ask_ai
from shared.answering.external import ask_external
from shared.answering.pieces import Part, messages_of
from shared.answering.team import Crew, TeamAnswer, ask_team
from shared.answering.turns import Turn
from shared.channels import channel
from shared.deps import Deps
from shared.domain.accounts import Tenant
from shared.domain.agents import Agent
from shared.domain.conversations import Conversation, ConversationStatus
from shared.domain.events import ReplyEvent
from shared.domain.ids import stable_id
from shared.domain.instances import ExternalAgent, Instance
from shared.domain.messages import Author, Message
from shared.domain.notifications import Notification
from shared.errors import AlreadyExists, HubError
from shared.ports.store import Document, Merge, Order, Ref, Where, Write
from shared.usecases import realtime, refs
from shared.usecases.agents import collaborations, teams
from shared.usecases.instances import instance_config, instance_lookup
from shared.usecases.instances.instance_documents import label
from shared.usecases.outbox import enqueueing
from shared.usecases.reporting.notifications import notify_once
from shared.usecases.retrying import decide

log = logging.getLogger(__name__)

COOLDOWN = timedelta(seconds=30)
_HISTORY = 20
# After this many tries a person is asked to answer.
_MAX_ATTEMPTS = 4
# Somebody who never stops typing is answered after this many debounce times.
_LONGEST_BURST = 10


@dataclass(frozen=True, slots=True)
class Answerer:
    """Who answers: one of the first two; a `crew` is led by the persona."""

    external: ExternalAgent | None = None
    persona: Agent | None = None
    crew: Crew | None = None

    @property
    def id(self) -> str:
        return self.persona.id if self.persona else "external"


def reply(deps: Deps, event: ReplyEvent) -> None:
    """Answer the conversation's unanswered messages, if it is somebody's turn.

    A later message has its own event, so of a burst only the last one is acted
    on. Raises the answerer's error until the last try; then the conversation is
    flagged for a human. The customer never sees an error.
    """
    conversation_ref = refs.conversation(event.conversation_id)
    tenant_ref = refs.tenant(event.tenant_id)
    found = deps.store.get([conversation_ref, tenant_ref])
    document = found.get(conversation_ref)
    if document is None or document.data.get("tenant_id") != event.tenant_id:
        return
    conversation = Conversation.model_validate(document.data)
    instance = instance_lookup.find_for_webhook(deps, instance_id=conversation.instance_id)
    if instance is None or not _is_our_turn(deps, conversation, event):
        return
    tenant = found.get(tenant_ref)
    answerer = _choose(deps, instance, Tenant.model_validate(tenant.data) if tenant else None, conversation)
    if answerer is not None:
        _answer(deps, event, document, instance, answerer)


def _is_our_turn(deps: Deps, conversation: Conversation, event: ReplyEvent) -> bool:
    waiting = conversation.needs_reply_since
    if waiting is None or conversation.assignee_id or conversation.status is ConversationStatus.CLOSED:
        return False
    if conversation.last_inbound_message_id == event.message_id:
        return True
    return (deps.now() - waiting).total_seconds() > deps.settings.reply_debounce_seconds * _LONGEST_BURST + 1


def _choose(deps: Deps, instance: Instance, tenant: Tenant | None, conversation: Conversation) -> Answerer | None:
    crew = teams.crew(deps, conversation.tenant_id, conversation.team_id) if conversation.team_id else None
    if crew is None and instance.agent is not None:
        return Answerer(external=instance.agent)
    if _cooling(deps, conversation) and not channel(instance.adapter).capabilities.live:
        return None
    if crew is not None:
        return Answerer(persona=crew.lead, crew=crew)
    if tenant is None or tenant.responder is None:
        return None
    led = tenant.responder_team_id
    return Answerer(persona=tenant.responder, crew=teams.crew(deps, tenant.id, led) if led else None)


def _cooling(deps: Deps, conversation: Conversation) -> bool:
    last = conversation.last_auto_reply_at
    return last is not None and deps.now() - last < COOLDOWN


def _answer(deps: Deps, event: ReplyEvent, document: Document, instance: Instance, answerer: Answerer) -> None:
    conversation = Conversation.model_validate(document.data)
    turn = Turn(instance, conversation, _history(deps, conversation))
    if not turn.unanswered:
        return
    try:
        said = _ask(deps, turn, answerer)
    except HubError as error:
        if event.attempt < _MAX_ATTEMPTS:
            raise
        _flag(deps, turn, error)
        return
    _commit(deps, document, turn, answerer, said)


def _history(deps: Deps, conversation: Conversation) -> list[Message]:
    page = deps.store.find(
        "messages",
        [Where("conversation_id", "==", conversation.id)],
        [Order("sent_at", descending=True), Order("created_at", descending=True)],
        limit=_HISTORY,
    )
    return [Message.model_validate(document.data) for document in reversed(page.documents)]


@dataclass(frozen=True, slots=True)
class _Said:
    """An answer; what stands in for a model repeats the customer, who writes no Markdown."""

    text: str = ""
    together: TeamAnswer | None = None
    is_markdown: bool = True


def _ask(deps: Deps, turn: Turn, answerer: Answerer) -> _Said:
    modelled = deps.settings.openai_api_key is not None
    if not turn.to_answer:
        return _Said()
    if answerer.crew is not None:
        together = ask_team(deps, turn, answerer.crew)
        return _Said(together.text, together, is_markdown=modelled)
    if answerer.persona is not None:
        return _Said(ask_ai(deps, turn, answerer.persona), is_markdown=modelled)
    if answerer.external is None:
        return _Said()
    api_key = instance_config.credentials(deps, turn.instance).get("agent_api_key", "")
    return _Said(ask_external(deps, turn, answerer.external, api_key))


def _commit(deps: Deps, document: Document, turn: Turn, answerer: Answerer, said: _Said) -> None:
    """Enqueue the answer in one commit, on the channel that the conversation is on by now.

    Whoever answered or took over meanwhile wins.
    """
    versions = _versions(deps, document)

    def attempt() -> None:
        current = next(versions)
        conversation = Conversation.model_validate(current.data)
        if _is_taken_over(conversation, turn):
            return
        unseen = {"needs_reply_since": _unseen_since(deps, conversation, turn)}
        instance = _current_instance(deps, conversation, turn)
        drafts = _drafts(turn, answerer, _parts(said, instance))
        if not drafts:
            _say_nothing(deps, current, unseen["needs_reply_since"])
            return
        changes = {"last_auto_reply_at": deps.now()} | unseen
        extra = _collaboration(deps, turn, answerer, said.together, drafts)
        try:
            enqueueing.commit_drafts(deps, current, instance, drafts, changes, extra)
        except AlreadyExists:
            log.info("answered already", extra={"conversation_id": conversation.id})

    decide(attempt)


def _current_instance(deps: Deps, conversation: Conversation, turn: Turn) -> Instance:
    """Where to answer: the conversation may have been moved to another channel while the answer was being made."""
    if conversation.instance_id == turn.instance.id:
        return turn.instance
    return instance_lookup.by_id(deps, conversation.tenant_id, conversation.instance_id)


def _parts(said: _Said, instance: Instance) -> list[Part]:
    capabilities = channel(instance.adapter).capabilities
    return messages_of(said.text, capabilities, is_markdown=said.is_markdown and instance.options.may_be_markdown)


def _collaboration(
    deps: Deps, turn: Turn, answerer: Answerer, together: TeamAnswer | None, drafts: Sequence[enqueueing.Draft]
) -> list[Write]:
    if not (drafts and together and answerer.crew):
        return []
    return [collaborations.creation(deps, turn, answerer.crew, together, drafts[0].message_id)]


def _drafts(turn: Turn, answerer: Answerer, parts: Sequence[Part]) -> list[enqueueing.Draft]:
    """The parts as messages whose ids say what they answer, so that it is answered once."""
    answered = turn.conversation.last_inbound_message_id or turn.unanswered[-1].id
    return [
        enqueueing.Draft(
            message_id=stable_id("reply", turn.conversation.id, answered, str(n)),
            author=Author.BOT,
            author_id=answerer.id,
            text=text,
            spans=spans,
        )
        for n, (text, spans) in enumerate(parts)
    ]


def _is_taken_over(conversation: Conversation, turn: Turn) -> bool:
    """Whether somebody answered, or a human took the conversation, while the answer was being made."""
    before = turn.conversation
    if conversation.assignee_id or conversation.needs_reply_since != before.needs_reply_since:
        return True
    return conversation.last_auto_reply_at != before.last_auto_reply_at


def _versions(deps: Deps, document: Document) -> Iterator[Document]:
    """The conversation as it was read first, then as it is now, again and again."""
    yield document
    while True:
        yield enqueueing.read_conversation(deps, str(document.data["tenant_id"]), document.id)


def _say_nothing(deps: Deps, document: Document, unseen: datetime | None) -> None:
    identity = Ref("identities", str(document.data["identity_id"]))
    deps.store.commit(
        [
            Merge(document.ref, {"needs_reply_since": unseen}, document.version),
            Merge(identity, {"waiting_since": unseen}),
        ]
    )


def _unseen_since(deps: Deps, conversation: Conversation, turn: Turn) -> datetime | None:
    """When the first message came that whoever answered was not shown; the conversation's version guards the answer."""
    seen = {message.id for message in turn.unanswered}
    if conversation.last_inbound_message_id in seen:
        return None
    waiting = Turn(turn.instance, conversation, _history(deps, conversation)).unanswered
    arrivals = (message.created_at for message in waiting if message.id not in seen)
    return min(arrivals, default=conversation.last_message_at)


def _flag(deps: Deps, turn: Turn, error: HubError) -> None:
    """Ask for a human, unless somebody answered or took over while the answerer was failing."""
    conversation, instance = turn.conversation, turn.instance
    log.error("nobody answered", extra={"conversation_id": conversation.id, "why": error.detail})

    def attempt() -> Conversation | None:
        document = enqueueing.read_conversation(deps, conversation.tenant_id, conversation.id)
        current = Conversation.model_validate(document.data)
        if _is_taken_over(current, turn):
            return None
        deps.store.commit([Merge(document.ref, {"needs_human": True}, document.version)])
        return current.model_copy(update={"needs_human": True})

    flagged = decide(attempt)
    if flagged is None:
        return
    realtime.conversation_updated(deps, flagged)
    notify_once(
        deps,
        Notification(
            id=stable_id("unanswered", conversation.id, str(conversation.last_inbound_message_id)),
            tenant_id=conversation.tenant_id,
            type="agent_failed",
            title="A customer needs a human",
            message=f"{label(instance)}: {error.detail}",
            created_at=deps.now(),
        ),
    )
