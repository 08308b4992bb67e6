"""Choosing who answers a customer.

A person who has the conversation silences everybody else, and so does who turns
automatic answers off, in the conversation or on its channel. Then comes the agent that was
chosen for the conversation; then the team that it was given to; then the agent
that was chosen for the channel; then the instance's external agent service; then
the tenant's oldest active AI agent, with the team it leads. Else nobody does.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from shared.answering.team import Crew
from shared.channels import channel
from shared.deps import Deps
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.accounts import Tenant
from shared.domain.agents import Agent, AgentKind
from shared.domain.conversations import Conversation, ConversationStatus, Owner
from shared.domain.events import ReplyEvent
from shared.domain.instances import ExternalAgent, Instance
from shared.usecases.agents import teams

# Somebody who never stops typing is answered after this many debounce times.
_LONGEST_BURST = 10


@dataclass(frozen=True, slots=True)
class Answerer:
    """Who answers: an external agent service or an agent, which may lead a `crew`."""

    external: ExternalAgent | None = None
    agent: Agent | None = None
    crew: Crew | None = None

    @property
    def id(self) -> str:
        return self.agent.id if self.agent else "external"


def reason_for_silence(deps: Deps, conversation: Conversation, event: ReplyEvent) -> str | None:
    """Why no agent answers now; None if one may."""
    waiting_since = conversation.needs_reply_since
    if waiting_since is None:
        return "nobody waits for an answer"
    if conversation.owner is Owner.HUMAN:
        return "a person has the conversation"
    if conversation.owner is Owner.NOBODY:
        return "the conversation waits for a person"
    if not conversation.auto_reply_enabled:
        return "automatic answers are turned off"
    if conversation.status is ConversationStatus.CLOSED:
        return "the conversation is closed"
    waiting = (deps.now() - waiting_since).total_seconds()
    may_be_writing = waiting <= deps.settings.reply_debounce_seconds * _LONGEST_BURST + 1
    if conversation.last_inbound_message_id != event.message_id and may_be_writing:
        return "a later message is looked at instead"
    return None


def choose(deps: Deps, instance: Instance, tenant: Tenant | None, conversation: Conversation) -> Answerer | None:
    """Who answers; None where nobody does."""
    binding, tenant_id = instance.agent_binding, conversation.tenant_id
    crew, agent = None, _active_agent(deps, tenant_id, conversation.auto_reply_agent_id)
    if agent is None and binding is not None and not binding.auto_reply:
        return None
    if agent is None and conversation.team_id:
        crew = teams.crew(deps, tenant_id, conversation.team_id)
    if agent is None and crew is None and binding is not None:
        agent = _active_agent(deps, tenant_id, binding.agent_id)
    if agent is None and crew is None and instance.agent is not None:
        return Answerer(external=instance.agent)
    if agent is not None:
        return Answerer(agent=agent)
    if crew is not None:
        return Answerer(agent=crew.lead, crew=crew)
    if tenant is None or tenant.responder is None:
        return None
    team_id = tenant.responder_team_id
    return Answerer(agent=tenant.responder, crew=teams.crew(deps, tenant.id, team_id) if team_id else None)


def _active_agent(deps: Deps, tenant_id: str, agent_id: str | None) -> Agent | None:
    """The agent that somebody chose, while it is an active AI agent."""
    agent = UnitOfWork(deps.store).agents.owned_or_none(tenant_id, agent_id) if agent_id else None
    return agent if agent is not None and agent.active and agent.kind is AgentKind.AI else None


def seconds_of_rest(deps: Deps, conversation: Conversation, instance: Instance, answerer: Answerer) -> float:
    """How long the agent still rests after its last answer; never on a call, nor an external agent."""
    last = conversation.last_auto_reply_at
    if last is None or answerer.agent is None or channel(instance.adapter).capabilities.live:
        return 0
    return (last + timedelta(seconds=answerer.agent.cooldown_seconds) - deps.now()).total_seconds()
