"""Teams of agents, and what they did together."""

from __future__ import annotations

from flask import Response
from flask_openapi.models import Tag

from functions.omnichat.people_schemas import PageQuery
from functions.omnichat.team_schemas import (
    CollaborationOut,
    CollaborationsOut,
    CollaborationsQuery,
    MemberIn,
    MemberOut,
    MemberPath,
    MembersOut,
    TeamIn,
    TeamOut,
    TeamPatch,
    TeamPath,
    TeamsOut,
)
from functions.omnichat.vocabulary import VOCABULARY
from shared.domain.accounts import Role
from shared.http.app import deps
from shared.http.blueprint import APIBlueprint
from shared.http.bodies import answer
from shared.http.cors import cors
from shared.http.errors import Failure
from shared.http.guards import Access, caller, protect, require
from shared.usecases.agents import collaborations, teams

api = APIBlueprint(
    "omnichat_teams", __name__, vocabulary=VOCABULARY, url_prefix="/api", abp_tags=[Tag(name="OmniChat teams")]
)
cors(api)
protect(api, Access.CREDENTIAL)


@api.post("/teams", responses={201: TeamOut, 404: Failure, 409: Failure})
def create(body: TeamIn) -> Response:
    """Make a team."""
    require(Role.ADMIN)
    return answer(TeamOut.of(teams.create_team(deps(), caller().tenant_id, body.model_dump())), 201)


@api.get("/teams", responses={200: TeamsOut})
def index(query: PageQuery) -> Response:
    """List teams, oldest first."""
    page, cursor = teams.list_teams(deps(), caller().tenant_id, query.limit, query.cursor)
    return answer(TeamsOut(teams=[TeamOut.of(team) for team in page], next_cursor=cursor))


@api.get("/teams/<id>", responses={200: TeamOut})
def show(path: TeamPath) -> Response:
    """Read a team."""
    return answer(TeamOut.of(teams.get_team(deps(), caller().tenant_id, path.id)))


@api.patch("/teams/<id>", responses={200: TeamOut, 409: Failure})
def change(path: TeamPath, body: TeamPatch) -> Response:
    """Change what is given."""
    require(Role.ADMIN)
    return answer(TeamOut.of(teams.change_team(deps(), caller().tenant_id, path.id, body.changes())))


@api.delete("/teams/<id>", responses={204: None})
def delete(path: TeamPath) -> Response:
    """Take a team away; its agents stay."""
    require(Role.ADMIN)
    teams.delete_team(deps(), caller().tenant_id, path.id)
    return Response(status=204)


@api.get("/teams/<id>/members", responses={200: MembersOut})
def members(path: TeamPath) -> Response:
    """List a team's members."""
    team = teams.get_team(deps(), caller().tenant_id, path.id)
    return answer(MembersOut(members=[MemberOut.of(member) for member in team.members]))


@api.post("/teams/<id>/members", responses={201: MemberOut, 409: Failure})
def add_member(path: TeamPath, body: MemberIn) -> Response:
    """Put an agent into a team; doing it again changes its expertise."""
    require(Role.ADMIN)
    member = teams.add_member(deps(), caller().tenant_id, path.id, body.agent_id, body.expertise)
    return answer(MemberOut.of(member), 201)


@api.delete("/teams/<id>/members/<agent_id>", responses={204: None})
def remove_member(path: MemberPath) -> Response:
    """Take an agent out of a team."""
    require(Role.ADMIN)
    teams.remove_member(deps(), caller().tenant_id, path.id, path.agent_id)
    return Response(status=204)


@api.get("/collaborations", responses={200: CollaborationsOut, 404: Failure})
def list_collaborations(query: CollaborationsQuery) -> Response:
    """List how teams came to their answers, newest first."""
    page, cursor = collaborations.list_page(
        deps(), caller().tenant_id, query.conversation_id, query.limit, query.cursor
    )
    return answer(
        CollaborationsOut(
            collaborations=[CollaborationOut.of(collaboration) for collaboration in page], next_cursor=cursor
        )
    )
