"""Keeping agents, and with each change the tenant's choice of who answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared.deps import Deps
from shared.domain.agents import Agent, AgentKind, Tool
from shared.domain.ids import new_id
from shared.errors import BadRequest, NotFound
from shared.ports.store import Create, Delete, Document, Merge, Order, Ref, Set, Where, Write
from shared.usecases.accounts import tenants
from shared.usecases.agents.team_documents import led_by
from shared.usecases.retrying import decide


def create_agent(deps: Deps, tenant_id: str, fields: Mapping[str, Any]) -> Agent:
    """Make an agent; raises `AddressRefused` for a tool that could never be called, `BadRequest` for its model."""
    now = deps.now()
    agent = Agent.model_validate(
        {**fields, "id": new_id(), "tenant_id": tenant_id, "created_at": now, "updated_at": now}
    )
    _check_tools(deps, agent.tools)
    _check_model(deps, agent.model)

    def attempt() -> Agent:
        tenant = tenants.ensure(deps, tenant_id)
        _commit(deps, tenant, Create(_ref(agent.id), agent.model_dump()), agent)
        return agent

    return decide(attempt)


def get_agent(deps: Deps, tenant_id: str, agent_id: str) -> Agent:
    """Read an agent; raises `NotFound` for an unknown or a foreign one."""
    return Agent.model_validate(_own(deps.store.get([_ref(agent_id)]).get(_ref(agent_id)), tenant_id).data)


def list_agents(
    deps: Deps, tenant_id: str, limit: int = 50, cursor: str | None = None
) -> tuple[list[Agent], str | None]:
    """Return one page of a tenant's agents, oldest first, and the cursor of the next."""
    page = deps.store.find("agents", [Where("tenant_id", "==", tenant_id)], [Order("created_at")], limit, cursor)
    return [Agent.model_validate(document.data) for document in page.documents], page.cursor


def change_agent(deps: Deps, tenant_id: str, agent_id: str, changes: Mapping[str, Any]) -> Agent:
    """Change the given fields only; raises `NotFound`, `AddressRefused` and `BadRequest`."""
    _check_model(deps, changes.get("model"))
    if "tools" in changes:
        _check_tools(deps, [Tool.model_validate(tool) for tool in changes["tools"]])

    def attempt() -> Agent:
        tenant = tenants.ensure(deps, tenant_id)
        document = _own(deps.store.get([_ref(agent_id)]).get(_ref(agent_id)), tenant_id)
        agent = Agent.model_validate({**document.data, **changes, "updated_at": deps.now()})
        _commit(deps, tenant, Set(document.ref, agent.model_dump(), document.version), agent)
        return agent

    return decide(attempt)


def delete_agent(deps: Deps, tenant_id: str, agent_id: str) -> None:
    """Take an agent away; raises `NotFound`."""

    def attempt() -> None:
        tenant = tenants.ensure(deps, tenant_id)
        document = _own(deps.store.get([_ref(agent_id)]).get(_ref(agent_id)), tenant_id)
        gone = Agent.model_validate({**document.data, "active": False})
        _commit(deps, tenant, Delete(document.ref, document.version), gone)

    decide(attempt)


def _commit(deps: Deps, tenant: Document, write: Write, written: Agent) -> None:
    """Write an agent together with the tenant's responder and the team that this one leads.

    The tenant was read before the other agents are, and is written whatever
    comes out: two writes at a time cannot both go by what they saw.
    """
    responder = _responder(deps, written)
    copied: dict[str, Any] = {"responder": responder.model_dump() if responder else None}
    if (responder.id if responder else None) != (tenant.data.get("responder") or {}).get("id"):
        led = led_by(deps, written.tenant_id, responder.id) if responder else []
        copied["responder_team_id"] = led[0].id if led else None
    deps.store.commit([write, Merge(tenant.ref, copied, tenant.version)])


def _responder(deps: Deps, written: Agent) -> Agent | None:
    """The oldest active AI agent, as it will be once `written` is."""
    oldest = deps.store.find(
        "agents",
        [
            Where("tenant_id", "==", written.tenant_id),
            Where("kind", "==", AgentKind.AI.value),
            Where("active", "==", True),
        ],
        [Order("created_at")],
        limit=2,
    )
    candidates = [Agent.model_validate(found.data) for found in oldest.documents if found.id != written.id]
    if written.active and written.kind is AgentKind.AI:
        candidates.append(written)
    return min(candidates, key=lambda agent: (agent.created_at, agent.id), default=None)


def _own(document: Document | None, tenant_id: str) -> Document:
    if document is None or document.data["tenant_id"] != tenant_id:
        raise NotFound("There is no such agent")
    return document


def _check_tools(deps: Deps, tools: list[Tool]) -> None:
    for tool in tools:
        deps.http.check(tool.url, "tools")


def _check_model(deps: Deps, model: str | None) -> None:
    settings = deps.settings
    if not settings.allows_model(model):
        reason = f"use one of {', '.join(dict.fromkeys([settings.openai_model, *settings.openai_models]))}"
        raise BadRequest(f"model: {reason}", {"model": reason})


def _ref(agent_id: str) -> Ref:
    return Ref("agents", agent_id)
