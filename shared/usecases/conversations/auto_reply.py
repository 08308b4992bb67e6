"""Whether agents answer by themselves in a conversation, or on a channel, and which one does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared.deps import Deps
from shared.documents.retry import run_with_retry
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.agents import AgentBinding, AgentKind
from shared.domain.conversations import Conversation
from shared.errors import BadRequest
from shared.usecases import realtime
from shared.usecases.instances import instance_lookup


def switch(deps: Deps, tenant_id: str, conversation_id: str, *, enabled: bool, agent_id: str | None) -> Conversation:
    """Turn automatic answers on or off, and tell the room. `agent_id` answers from then on; None: whoever else would.

    An answer that is being made is not sent. Raises `NotFound`, and `BadRequest` for what is no AI agent.
    """

    def attempt(unit: UnitOfWork) -> Conversation:
        keys = [unit.agents.key(agent_id)] if agent_id else []
        unit.fetch(unit.conversations.key(conversation_id), *keys)
        conversation = unit.conversations.owned(tenant_id, conversation_id)
        _check_agent(unit, tenant_id, agent_id)
        conversation.auto_reply_enabled, conversation.auto_reply_agent_id = enabled, agent_id
        conversation.updated_at = deps.now()
        realtime.conversation_updated(deps, unit, conversation)
        return conversation

    return run_with_retry(deps, attempt)


def binding(deps: Deps, tenant_id: str, instance_id: str) -> AgentBinding | None:
    """Who answers on a channel by itself; None where nobody has decided that. Raises `NotFound`."""
    return instance_lookup.by_name(deps, tenant_id, instance_id).agent_binding


def bind(deps: Deps, tenant_id: str, instance_id: str, changes: Mapping[str, Any]) -> AgentBinding:
    """Decide who answers on a channel by itself; what is left out stays. Raises as `switch` does."""
    instance_id = instance_lookup.by_name(deps, tenant_id, instance_id).id

    def attempt(unit: UnitOfWork) -> AgentBinding:
        instance = unit.instances.owned(tenant_id, instance_id)
        former = instance.agent_binding or AgentBinding()
        bound = former.model_copy(update=dict(changes))
        if bound.agent_id != former.agent_id:
            _check_agent(unit, tenant_id, bound.agent_id)
        instance.agent_binding, instance.updated_at = bound, deps.now()
        unit.after_commit(lambda: instance_lookup.forget(deps, instance))
        return bound

    return run_with_retry(deps, attempt)


def _check_agent(unit: UnitOfWork, tenant_id: str, agent_id: str | None) -> None:
    """Raise `BadRequest` for an id that is no AI agent of the tenant; None is nobody's."""
    if agent_id is None:
        return
    agent = unit.agents.owned_or_none(tenant_id, agent_id)
    if agent is None or agent.kind is not AgentKind.AI:
        reason = "is no AI agent of yours"
        raise BadRequest.of_field("agent_id", reason)
