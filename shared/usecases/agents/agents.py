"""A tenant's agents, and which of them answers by itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from shared.deps import Deps
from shared.documents.retry import run_with_retry
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.accounts import Tenant
from shared.domain.agents import Agent, AgentKind, Tool
from shared.domain.ids import new_id
from shared.errors import BadRequest, Conflict, HubError, NotFound
from shared.usecases.accounts import tenants
from shared.usecases.agents import tool_secrets
from shared.usecases.agents.led_teams import oldest_teams_led_by


def create_agent(deps: Deps, tenant_id: str, fields: Mapping[str, Any]) -> Agent:
    """Add an agent; raises `AddressRefused` for a tool that could never be called, `BadRequest` for its model."""
    now = deps.now()
    agent = Agent(**fields, id=new_id(), tenant_id=tenant_id, created_at=now, updated_at=now)
    _check_tools(deps, agent.tools)
    _check_model(deps, agent.model)
    if agent.tools:
        agent.tools_secret = tool_secrets.new_name(agent.id)
        tool_secrets.write(deps, agent.tools_secret, None, agent.tools)

    def attempt(unit: UnitOfWork) -> None:
        tenant = tenants.get_or_add(unit, tenant_id, deps.now())
        unit.agents.add(agent)
        choose_responder(unit, tenant, agent)

    with _deleted_on_failure(deps, agent.tools_secret):
        run_with_retry(deps, attempt)
    return agent


def get_agent(deps: Deps, tenant_id: str, agent_id: str) -> Agent:
    """Return an agent; raises `NotFound` for an unknown or a foreign one."""
    return UnitOfWork(deps.store).agents.owned(tenant_id, agent_id)


def list_agents(
    deps: Deps, tenant_id: str, limit: int = 50, cursor: str | None = None
) -> tuple[list[Agent], str | None]:
    """Return one page of a tenant's agents, oldest first, and the cursor of the next."""
    query = UnitOfWork(deps.store).agents.query().where(lambda agent: agent.tenant_id, "==", tenant_id)
    page = query.order_by(lambda agent: agent.created_at).page(limit, cursor)
    return page.documents, page.cursor


def change_agent(deps: Deps, tenant_id: str, agent_id: str, changes: Mapping[str, Any]) -> Agent:
    """Change these fields only; raises `NotFound`, `AddressRefused` and `BadRequest`."""
    _check_model(deps, changes.get("model"))
    _check_tools(deps, [Tool(**tool) for tool in changes.get("tools", [])])
    return _change(deps, tenant_id, agent_id, changes)


def renew_tool_secret(deps: Deps, tenant_id: str, agent_id: str, tool_name: str) -> str:
    """Sign the calls of a tool with a new secret from now on, and return it. Raises `NotFound`."""
    former = get_agent(deps, tenant_id, agent_id)
    if tool_name not in {tool.name for tool in former.tools}:
        raise NotFound("There is no such tool")
    agent = _change(deps, tenant_id, agent_id, {}, renewed_tool=tool_name)
    secrets = deps.secrets.read(agent.tools_secret) if agent.tools_secret else {}
    if tool_name not in secrets:
        raise Conflict  # somebody else has changed the tools meanwhile
    return secrets[tool_name]


def delete_agent(deps: Deps, tenant_id: str, agent_id: str) -> None:
    """Remove an agent; raises `NotFound`."""

    def attempt(unit: UnitOfWork) -> Agent:
        tenant = tenants.get_or_add(unit, tenant_id, deps.now())
        agent = unit.agents.owned(tenant_id, agent_id)
        unit.agents.remove(agent_id)
        for file in agent.knowledge:
            unit.knowledge_texts.remove(file.id)
        choose_responder(unit, tenant, agent.model_copy(update={"active": False}))
        return agent

    deleted = run_with_retry(deps, attempt)
    if deleted.tools_secret:
        deps.secrets.delete(deleted.tools_secret)


def _change(
    deps: Deps, tenant_id: str, agent_id: str, changes: Mapping[str, Any], renewed_tool: str | None = None
) -> Agent:
    secret_name = tool_secrets.new_name(agent_id) if "tools" in changes or renewed_tool else None

    def attempt(unit: UnitOfWork) -> tuple[Agent, str | None]:
        tenant = tenants.get_or_add(unit, tenant_id, deps.now())
        agent = unit.agents.owned(tenant_id, agent_id)
        former = agent.model_copy()
        unit.agents.change(agent, {**changes, "updated_at": deps.now()})
        if secret_name:
            agent.tools_secret = secret_name if agent.tools else None
            if agent.tools:
                tool_secrets.write(deps, secret_name, former, agent.tools, renewed_tool)
        choose_responder(unit, tenant, agent)
        return agent, former.tools_secret

    with _deleted_on_failure(deps, secret_name):
        agent, former_secret = run_with_retry(deps, attempt)
    if former_secret and former_secret != agent.tools_secret:
        deps.secrets.delete(former_secret)
    return agent


@contextmanager
def _deleted_on_failure(deps: Deps, secret_name: str | None) -> Iterator[None]:
    """Leave no secret behind that no agent names."""
    try:
        yield
    except HubError:
        if secret_name:
            deps.secrets.delete(secret_name)
        raise


def choose_responder(unit: UnitOfWork, tenant: Tenant, changed_agent: Agent) -> None:
    """Copy to the tenant its responder and the team that this one leads, as they are once the agent is committed.

    The tenant was read before the other agents are, and is revised whatever the
    outcome: of two changes at once, one is decided again.
    """
    responder = _oldest_active_ai_agent(unit, changed_agent)
    if (responder and responder.id) != (tenant.responder and tenant.responder.id):
        led_teams = oldest_teams_led_by(unit, tenant.id, responder.id) if responder else []
        tenant.responder_team_id = led_teams[0].id if led_teams else None
    tenant.responder = responder.model_copy(update={"tool_config": None}) if responder else None
    tenants.revise(tenant)


def _oldest_active_ai_agent(unit: UnitOfWork, changed_agent: Agent) -> Agent | None:
    query = unit.agents.query().where(lambda agent: agent.tenant_id, "==", changed_agent.tenant_id)
    query = query.where(lambda agent: agent.kind, "==", AgentKind.AI).where(lambda agent: agent.active, "==", True)
    oldest = query.order_by(lambda agent: agent.created_at).page(limit=2).documents
    candidates = [agent for agent in oldest if agent.id != changed_agent.id]
    if changed_agent.active and changed_agent.kind is AgentKind.AI:
        candidates.append(changed_agent)
    return min(candidates, key=lambda agent: (agent.created_at, agent.id), default=None)


def _check_tools(deps: Deps, tools: list[Tool]) -> None:
    for tool in tools:
        deps.http.check(tool.url, "tools")


def _check_model(deps: Deps, model: str | None) -> None:
    settings = deps.settings
    if not settings.allows_model(model):
        reason = f"use one of {', '.join(dict.fromkeys([settings.openai_model, *settings.openai_models]))}"
        raise BadRequest.of_field("model", reason)
