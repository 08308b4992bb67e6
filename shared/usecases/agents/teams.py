"""Teams of agents: keeping them, and getting one together to answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from shared.answering.team import Colleague, Crew
from shared.deps import Deps
from shared.domain.agents import Agent, AgentKind, AgentTeam, AgentTeamMember
from shared.domain.ids import new_id
from shared.errors import AlreadyExists, BadRequest, Collision, NotFound
from shared.ports.store import Create, Delete, Document, Merge, Order, Ref, Set, Where, Write
from shared.usecases.accounts import tenants
from shared.usecases.agents.agents import get_agent
from shared.usecases.agents.team_documents import led_by, name_ref, team_ref
from shared.usecases.retrying import decide

MOST = 100
MAX_MEMBERS = 20


def create_team(deps: Deps, tenant_id: str, fields: Mapping[str, Any]) -> AgentTeam:
    """Make a team of `name`, `description` and `lead_agent_id`.

    Raises `Collision` for a name that is taken, and `NotFound` and `BadRequest`
    for a lead that is unknown or no AI agent.
    """
    now = deps.now()
    team = AgentTeam.model_validate(
        {**fields, "id": new_id(), "tenant_id": tenant_id, "created_at": now, "updated_at": now}
    )
    _check_lead(deps, team)

    def attempt() -> AgentTeam:
        tenant = tenants.ensure(deps, tenant_id)
        copy = team.model_dump()
        _commit(deps, tenant, [Create(team_ref(team.id), copy), Create(name_ref(tenant_id, team.name), copy)], team)
        return team

    return decide(attempt)


def get_team(deps: Deps, tenant_id: str, team_id: str) -> AgentTeam:
    """Raises `NotFound` for an unknown or a foreign one."""
    return AgentTeam.model_validate(_own(deps, tenant_id, team_id).data)


def list_teams(
    deps: Deps, tenant_id: str, limit: int = 50, cursor: str | None = None
) -> tuple[list[AgentTeam], str | None]:
    """Return one page of a tenant's teams, oldest first, and the cursor of the next."""
    where = [Where("tenant_id", "==", tenant_id)]
    page = deps.store.find("agent_teams", where, [Order("created_at")], min(limit, MOST), cursor)
    return [AgentTeam.model_validate(document.data) for document in page.documents], page.cursor


def change_team(deps: Deps, tenant_id: str, team_id: str, changes: Mapping[str, Any]) -> AgentTeam:
    """Change the given fields only; raises as `create_team` does."""

    def changed(team: AgentTeam) -> AgentTeam:
        after = AgentTeam.model_validate({**team.model_dump(), **changes})
        if after.lead_agent_id != team.lead_agent_id:
            _check_lead(deps, after)
        return after

    return _rewrite(deps, tenant_id, team_id, changed)


def add_member(deps: Deps, tenant_id: str, team_id: str, agent_id: str, expertise: str) -> AgentTeamMember:
    """Put an agent into a team, or change what it is known for there.

    Raises `NotFound`, and `Collision` when the team is full.
    """
    get_agent(deps, tenant_id, agent_id)
    member = AgentTeamMember(agent_id=agent_id, expertise=expertise, added_at=deps.now())

    def changed(team: AgentTeam) -> AgentTeam:
        kept = [each for each in team.members if each.agent_id != agent_id]
        if len(kept) >= MAX_MEMBERS:
            raise Collision(f"A team has at most {MAX_MEMBERS} members")
        return team.model_copy(update={"members": [*kept, member]})

    _rewrite(deps, tenant_id, team_id, changed)
    return member


def remove_member(deps: Deps, tenant_id: str, team_id: str, agent_id: str) -> None:
    """Raises `NotFound` for an unknown team, and for an agent that is not in it."""

    def changed(team: AgentTeam) -> AgentTeam:
        kept = [each for each in team.members if each.agent_id != agent_id]
        if len(kept) == len(team.members):
            raise NotFound("There is no such member")
        return team.model_copy(update={"members": kept})

    _rewrite(deps, tenant_id, team_id, changed)


def delete_team(deps: Deps, tenant_id: str, team_id: str) -> None:
    """Take a team away; its agents stay. Raises `NotFound`."""

    def attempt() -> None:
        tenant = tenants.ensure(deps, tenant_id)
        document = _own(deps, tenant_id, team_id)
        team = AgentTeam.model_validate(document.data)
        writes = [Delete(document.ref, document.version), Delete(name_ref(tenant_id, team.name))]
        _commit(deps, tenant, writes, team.model_copy(update={"lead_agent_id": None}))

    decide(attempt)


def crew(deps: Deps, tenant_id: str, named: str) -> Crew | None:
    """The team of that id or name with its lead and the members that can be asked: active AI agents.

    None when there is no such team, or nobody to lead it.
    """
    by_id, by_name = team_ref(named), name_ref(tenant_id, named)
    found = deps.store.get([by_id, by_name])
    document = next((d for d in (found.get(by_id), found.get(by_name)) if d and d.data["tenant_id"] == tenant_id), None)
    team = AgentTeam.model_validate(document.data) if document else None
    if team is None or team.lead_agent_id is None:
        return None
    agents = _ready(deps, team, [team.lead_agent_id, *(member.agent_id for member in team.members)])
    lead = agents.pop(team.lead_agent_id, None)
    if lead is None:
        return None
    asked = [Colleague(agents[m.agent_id], m.expertise) for m in team.members if m.agent_id in agents]
    return Crew(team.id, team.name, lead, asked)


def _ready(deps: Deps, team: AgentTeam, agent_ids: list[str]) -> dict[str, Agent]:
    documents = deps.store.get([Ref("agents", agent_id) for agent_id in dict.fromkeys(agent_ids)])
    agents = (Agent.model_validate(document.data) for document in documents.values())
    return {a.id: a for a in agents if a.tenant_id == team.tenant_id and a.active and a.kind is AgentKind.AI}


def _rewrite(deps: Deps, tenant_id: str, team_id: str, changed: Callable[[AgentTeam], AgentTeam]) -> AgentTeam:
    def attempt() -> AgentTeam:
        tenant = tenants.ensure(deps, tenant_id)
        document = _own(deps, tenant_id, team_id)
        before = AgentTeam.model_validate(document.data)
        after = changed(before).model_copy(update={"updated_at": deps.now()})
        copy = after.model_dump()
        _commit(deps, tenant, [Set(document.ref, copy, document.version), *_named(before, after, copy)], after)
        return after

    return decide(attempt)


def _named(before: AgentTeam, after: AgentTeam, copy: dict[str, Any]) -> list[Write]:
    former, wanted = name_ref(before.tenant_id, before.name), name_ref(after.tenant_id, after.name)
    return [Set(wanted, copy)] if former == wanted else [Delete(former), Create(wanted, copy)]


def _commit(deps: Deps, tenant: Document, writes: Sequence[Write], written: AgentTeam) -> None:
    """Write a team together with which team the tenant's responder leads.

    The tenant was read before the other teams are, and is always changed: two
    writes at a time cannot both go by what they saw.
    """
    responder = (tenant.data.get("responder") or {}).get("id")
    found = led_by(deps, written.tenant_id, responder, 2) if responder else []
    leads = [team for team in found if team.id != written.id]
    if responder and written.lead_agent_id == responder:
        leads.append(written)
    oldest = min(leads, key=lambda team: (team.created_at, team.id), default=None)
    led = {"responder_team_id": oldest.id if oldest else None, "teams_changed": new_id()}
    try:
        deps.store.commit([*writes, Merge(tenant.ref, led, tenant.version)])
    except AlreadyExists:
        raise Collision("Another team has this name") from None


def _check_lead(deps: Deps, team: AgentTeam) -> None:
    if team.lead_agent_id is None:
        return
    if get_agent(deps, team.tenant_id, team.lead_agent_id).kind is not AgentKind.AI:
        problem = "must be an AI agent"
        raise BadRequest(f"leadAgentId: {problem}", {"leadAgentId": problem})


def _own(deps: Deps, tenant_id: str, team_id: str) -> Document:
    document = deps.store.get([team_ref(team_id)]).get(team_ref(team_id))
    if document is None or document.data["tenant_id"] != tenant_id:
        raise NotFound("There is no such team")
    return document
