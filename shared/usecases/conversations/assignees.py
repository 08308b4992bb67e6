"""Whom a conversation may be given to: an agent, a user or a team of the tenant, or somebody in another system."""

from __future__ import annotations

from shared.documents.query import Key
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.accounts import Role, User
from shared.domain.agents import Agent, AgentTeam
from shared.errors import BadRequest
from shared.usecases.conversations import team_queues

_LISTED = 10
"""Of each kind, in an error."""


def keys(unit: UnitOfWork, tenant_id: str, assignee_id: str | None) -> list[Key]:
    """What `check` reads, to read it in one round trip with what the caller needs."""
    if not assignee_id:
        return []
    collections = (unit.users, unit.agents, unit.agent_teams)
    return [unit.tenants.key(tenant_id), *(collection.key(assignee_id) for collection in collections)]


def check(unit: UnitOfWork, tenant_id: str, assignee_id: str | None, field: str = "assignee_id") -> None:
    """Raise `BadRequest`, which lists who there is, for an id that is nobody's, or that of a viewer.

    A tenant whose people work in another system may allow that system's ids (`Tenant.external_agents`).
    """
    if assignee_id and not can_answer(unit, tenant_id, assignee_id):
        is_viewer = unit.users.owned_or_none(tenant_id, assignee_id) is not None
        reason = "is a viewer, who cannot answer" if is_viewer else "is no user, agent or team of yours"
        raise BadRequest.of_field(field, reason, f"{reason}; {_possibilities(unit, tenant_id)}")


def can_answer(unit: UnitOfWork, tenant_id: str, assignee_id: str) -> bool:
    """Whether a conversation may be given to them: not to a viewer, nor to somebody who is gone."""
    unit.fetch(*keys(unit, tenant_id, assignee_id))
    user = unit.users.owned_or_none(tenant_id, assignee_id)
    if user is not None:
        return user.role.covers(Role.AGENT)
    if any(collection.owned_or_none(tenant_id, assignee_id) for collection in (unit.agents, unit.agent_teams)):
        return True
    tenant = unit.tenants.get(tenant_id)
    return tenant is not None and tenant.external_agents


def check_team(unit: UnitOfWork, tenant_id: str, id_or_name: str, field: str) -> None:
    """The same for a team, by its id or name."""
    if team_queues.team_of(unit, tenant_id, id_or_name) is not None:
        return
    tenant = unit.tenants.get(tenant_id)
    if tenant is None or not tenant.external_agents:
        names = ", ".join(team.name for team in _teams(unit, tenant_id)) or "there is none yet: POST /api/teams"
        raise BadRequest.of_field(field, "names no team of yours", f"names no team of yours; use one of: {names}")


def _teams(unit: UnitOfWork, tenant_id: str) -> list[AgentTeam]:
    query = unit.agent_teams.query().where(lambda team: team.tenant_id, "==", tenant_id)
    return query.order_by(_age).page(_LISTED).documents


def _possibilities(unit: UnitOfWork, tenant_id: str) -> str:
    users = unit.users.query().where(lambda user: user.tenant_id, "==", tenant_id)
    agents = unit.agents.query().where(lambda agent: agent.tenant_id, "==", tenant_id)
    people = [user for user in users.order_by(_age).page(_LISTED).documents if user.role.covers(Role.AGENT)]
    names = {user.id: user.name or user.role.value for user in people}
    names |= {agent.id: agent.name for agent in agents.order_by(_age).page(_LISTED).documents}
    names |= {team.id: team.name for team in _teams(unit, tenant_id)}
    if not names:
        return "there is none yet"
    return f"use one of {', '.join(f'{id_} ({name})' for id_, name in names.items())}"


def _age(document: User | Agent | AgentTeam) -> object:
    return document.created_at
