"""Teams of agents: keeping them, and assembling one to answer.

    agent_teams/{id}                the team with its members
    agent_team_names/{hash}         a copy by tenant and name: makes names unique, and a team readable by its name
    tenants/{id}                    which team the tenant's responder leads

What belongs together is written in one commit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from shared.answering.team import Colleague, Crew
from shared.deps import Deps
from shared.documents import ids
from shared.documents.retry import run_with_retry
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.accounts import Role, Tenant
from shared.domain.agents import Agent, AgentKind, AgentTeam, AgentTeamMember, TeamNameReservation
from shared.domain.ids import new_id
from shared.errors import BadRequest, Collision, NotFound
from shared.usecases.accounts import availabilities, tenants
from shared.usecases.agents.led_teams import oldest_teams_led_by

MAX_PAGE = 100
MAX_MEMBERS = 20


def create_team(deps: Deps, tenant_id: str, fields: Mapping[str, Any]) -> AgentTeam:
    """Add a team of `name`, `description`, `lead_agent_id`, its people and how they are given conversations.

    Raises `Collision` for a name that another team has, `NotFound` for an unknown
    lead, and `BadRequest` for one that is no AI agent, or for people who are no users.
    """
    now = deps.now()
    team = AgentTeam(**fields, id=new_id(), tenant_id=tenant_id, created_at=now, updated_at=now)
    _check_lead(UnitOfWork(deps.store), team)

    def attempt(unit: UnitOfWork) -> None:
        unit.fetch(unit.tenants.key(tenant_id), unit.agent_team_names.key(_name_id(team)))
        tenant = tenants.get_or_add(unit, tenant_id, deps.now())
        _reserve_name(unit, team)
        unit.agent_teams.add(team)
        _follow_people(deps, unit, team, former_ids=[])
        _choose_responder_team(unit, tenant, team)
        _copy_times(tenant, team)

    run_with_retry(deps, attempt)
    tenants.forget(deps, tenant_id)
    return team


def get_team(deps: Deps, tenant_id: str, team_id: str) -> AgentTeam:
    """Raises `NotFound` for an unknown or a foreign one."""
    return UnitOfWork(deps.store).agent_teams.owned(tenant_id, team_id)


def list_teams(
    deps: Deps, tenant_id: str, limit: int = 50, cursor: str | None = None
) -> tuple[list[AgentTeam], str | None]:
    """Return one page of a tenant's teams, oldest first, and the cursor of the next."""
    query = UnitOfWork(deps.store).agent_teams.query().where(lambda team: team.tenant_id, "==", tenant_id)
    page = query.order_by(lambda team: team.created_at).page(min(limit, MAX_PAGE), cursor)
    return page.documents, page.cursor


def change_team(deps: Deps, tenant_id: str, team_id: str, changes: Mapping[str, Any]) -> AgentTeam:
    """Change these fields only; raises as `create_team` does."""

    def change(unit: UnitOfWork, team: AgentTeam) -> None:
        former = team.model_copy()
        unit.agent_teams.change(team, changes)
        if team.lead_agent_id != former.lead_agent_id:
            _check_lead(unit, team)
        _follow_people(deps, unit, team, former.people_ids)
        if _name_id(team) != _name_id(former):
            unit.agent_team_names.remove(_name_id(former))
            _reserve_name(unit, team)

    return _change(deps, tenant_id, team_id, change)


def add_member(deps: Deps, tenant_id: str, team_id: str, agent_id: str, expertise: str) -> AgentTeamMember:
    """Put an agent into a team, or change its expertise there.

    Raises `NotFound`, and `Collision` when the team is full.
    """
    UnitOfWork(deps.store).agents.owned(tenant_id, agent_id)
    member = AgentTeamMember(agent_id=agent_id, expertise=expertise, added_at=deps.now())

    def change(unit: UnitOfWork, team: AgentTeam) -> None:
        others = _members_without(team, agent_id)
        if len(others) >= MAX_MEMBERS:
            raise Collision(f"A team has at most {MAX_MEMBERS} members")
        team.members = [*others, member]

    _change(deps, tenant_id, team_id, change)
    return member


def remove_member(deps: Deps, tenant_id: str, team_id: str, agent_id: str) -> None:
    """Raises `NotFound` for an unknown team, and for an agent that is not in it."""

    def change(unit: UnitOfWork, team: AgentTeam) -> None:
        others = _members_without(team, agent_id)
        if len(others) == len(team.members):
            raise NotFound("There is no such member")
        team.members = others

    _change(deps, tenant_id, team_id, change)


def delete_team(deps: Deps, tenant_id: str, team_id: str) -> None:
    """Remove a team; its agents stay. Raises `NotFound`."""

    def attempt(unit: UnitOfWork) -> None:
        tenant = tenants.get_or_add(unit, tenant_id, deps.now())
        team = unit.agent_teams.owned(tenant_id, team_id)
        unit.agent_teams.remove(team_id)
        unit.agent_team_names.remove(_name_id(team))
        _leave(deps, unit, team, team.people_ids)
        unit.after_commit(lambda: availabilities.wake(deps, tenant_id, team_id=team_id))
        _choose_responder_team(unit, tenant, team.model_copy(update={"lead_agent_id": None}))
        _copy_times(tenant, team.model_copy(update={"reassign_after_minutes": 0}))

    run_with_retry(deps, attempt)
    tenants.forget(deps, tenant_id)


def remove_person(unit: UnitOfWork, team: AgentTeam, user_id: str) -> None:
    """Take a person out of a team that this unit has read."""
    team.people_ids = [each for each in team.people_ids if each != user_id]
    unit.agent_team_names.put(_copy_for_name(team), _name_id(team))


def _follow_people(deps: Deps, unit: UnitOfWork, team: AgentTeam, former_ids: Sequence[str]) -> None:
    """Have the people know that they are in the team; a change of the team may also free those who stay."""
    team.people_ids = list(dict.fromkeys(team.people_ids))
    unit.fetch(*(collection.key(each) for each in team.people_ids for collection in (unit.users, unit.availabilities)))
    people = unit.users.owned_many(team.tenant_id, team.people_ids)
    if len(people) < len(team.people_ids):
        raise BadRequest.of_field("people_ids", "names somebody who is no user of yours; GET /api/users lists them")
    if any(not user.role.covers(Role.AGENT) for user in people):
        raise BadRequest.of_field(
            "people_ids", "names a viewer, who cannot answer; PATCH /api/users/{id} changes roles"
        )
    _leave(deps, unit, team, [each for each in former_ids if each not in team.people_ids])
    for user_id in team.people_ids:
        person = availabilities.get_or_add(unit, team.tenant_id, user_id)
        person.left_team_ids = [each for each in person.left_team_ids if each != team.id]
        if team.id not in person.team_ids:
            person.team_ids = [*person.team_ids, team.id]
    if team.assigns_people:
        unit.after_commit(lambda: availabilities.wake(deps, team.tenant_id, team_id=team.id))


def _leave(deps: Deps, unit: UnitOfWork, team: AgentTeam, user_ids: Sequence[str]) -> None:
    """Have the conversations taken away that people have from a team in which they are no more."""
    for person in unit.availabilities.owned_many(team.tenant_id, user_ids):
        person.team_ids = [each for each in person.team_ids if each != team.id]
        person.left_team_ids = [*person.left_team_ids, team.id]
        availabilities.have_looked_at(deps, unit, person)


def crew(deps: Deps, tenant_id: str, id_or_name: str) -> Crew | None:
    """The team of that id or name with its lead and the members that can be consulted: active AI agents.

    None when there is no such team, or no such lead.
    """
    unit = UnitOfWork(deps.store)
    team = _team_by_id_or_name(unit, tenant_id, id_or_name)
    if team is None or team.lead_agent_id is None:
        return None
    agents = _active_ai_agents(unit, team, [team.lead_agent_id, *(member.agent_id for member in team.members)])
    lead = agents.pop(team.lead_agent_id, None)
    if lead is None:
        return None
    members = [member for member in team.members if member.agent_id in agents]
    colleagues = [Colleague(agents[member.agent_id], member.expertise) for member in members]
    return Crew(team.id, team.name, lead, colleagues)


def _team_by_id_or_name(unit: UnitOfWork, tenant_id: str, id_or_name: str) -> AgentTeam | None:
    name_id = ids.team_name(tenant_id, id_or_name)
    unit.fetch(unit.agent_teams.key(id_or_name), unit.agent_team_names.key(name_id))
    return unit.agent_teams.owned_or_none(tenant_id, id_or_name) or unit.agent_team_names.get(name_id)


def _active_ai_agents(unit: UnitOfWork, team: AgentTeam, agent_ids: list[str]) -> dict[str, Agent]:
    agents = unit.agents.owned_many(team.tenant_id, agent_ids)
    return {agent.id: agent for agent in agents if agent.active and agent.kind is AgentKind.AI}


def _members_without(team: AgentTeam, agent_id: str) -> list[AgentTeamMember]:
    return [member for member in team.members if member.agent_id != agent_id]


def _change(deps: Deps, tenant_id: str, team_id: str, change: Callable[[UnitOfWork, AgentTeam], None]) -> AgentTeam:
    def attempt(unit: UnitOfWork) -> AgentTeam:
        unit.fetch(unit.tenants.key(tenant_id), unit.agent_teams.key(team_id))
        tenant = tenants.get_or_add(unit, tenant_id, deps.now())
        team = unit.agent_teams.owned(tenant_id, team_id)
        change(unit, team)
        team.updated_at = deps.now()
        unit.agent_team_names.put(_copy_for_name(team), _name_id(team))
        _choose_responder_team(unit, tenant, team)
        _copy_times(tenant, team)
        return team

    team = run_with_retry(deps, attempt)
    tenants.forget(deps, tenant_id)
    return team


def _reserve_name(unit: UnitOfWork, team: AgentTeam) -> None:
    if unit.agent_team_names.get(_name_id(team)) is not None:
        raise Collision("Another team has this name")
    unit.agent_team_names.add(_copy_for_name(team), _name_id(team))


def _copy_for_name(team: AgentTeam) -> TeamNameReservation:
    return TeamNameReservation(**team.model_dump())


def _name_id(team: AgentTeam) -> str:
    return ids.team_name(team.tenant_id, team.name)


def _choose_responder_team(unit: UnitOfWork, tenant: Tenant, changed_team: AgentTeam) -> None:
    """Copy to the tenant which team its responder leads, as it is once the team is committed.

    The tenant was read before the other teams are, and is revised whatever the
    outcome: of two changes at once, one is decided again.
    """
    led_teams: list[AgentTeam] = []
    if tenant.responder:
        oldest = oldest_teams_led_by(unit, tenant.id, tenant.responder.id, limit=2)
        led_teams = [team for team in oldest if team.id != changed_team.id]
        if changed_team.lead_agent_id == tenant.responder.id:
            led_teams.append(changed_team)
    team = min(led_teams, key=lambda team: (team.created_at, team.id), default=None)
    tenant.responder_team_id = team.id if team else None
    tenants.revise(tenant)


def _copy_times(tenant: Tenant, team: AgentTeam) -> None:
    """Keep in the tenant within how many minutes the team's people have to answer: no message reads the team for it."""
    others = {id_: minutes for id_, minutes in tenant.reassign_after_minutes.items() if id_ != team.id}
    own = {team.id: team.reassign_after_minutes} if team.reassign_after_minutes else {}
    tenant.reassign_after_minutes = others | own


def _check_lead(unit: UnitOfWork, team: AgentTeam) -> None:
    if team.lead_agent_id is None:
        return
    if unit.agents.owned(team.tenant_id, team.lead_agent_id).kind is not AgentKind.AI:
        problem = "must be an AI agent"
        raise BadRequest.of_field("lead_agent_id", problem)
