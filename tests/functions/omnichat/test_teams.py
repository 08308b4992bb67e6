"""Managing teams, and which of them the tenant's responder leads."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask.testing import FlaskClient

from functions.omnichat import agents, auth, teams
from shared.deps import Deps
from shared.ports.store import Ref
from tests.functions.omnichat.accounts import Account, client_of, sign_up
from tests.overlaps import overlaps


@pytest.fixture
def client(deps: Deps) -> FlaskClient:
    return client_of(deps, auth.api, agents.api, teams.api)


@pytest.fixture
def owner(client: FlaskClient) -> Account:
    return sign_up(client)


class Door:
    """The requests of a tenant's owner."""

    def __init__(self, client: FlaskClient, owner: Account) -> None:
        self.client, self.owner = client, owner

    def call(self, method: str, path: str, body: Any = None, status: int = 200) -> Any:
        answer = self.client.open(f"/api{path}", method=method, json=body, headers=self.owner.headers)
        assert answer.status_code == status, answer.text
        return answer.json

    def agent(self, **fields: Any) -> str:
        return str(self.call("POST", "/agents", {"name": "Ada"} | fields, 201)["id"])

    def team(self, **fields: Any) -> Any:
        return self.call("POST", "/teams", {"name": "Support"} | fields, 201)


@pytest.fixture
def door(client: FlaskClient, owner: Account) -> Door:
    return Door(client, owner)


def _led(deps: Deps, owner: Account) -> Any:
    ref = Ref("tenants", owner.tenant_id)
    return deps.store.get([ref])[ref].data.get("responder_team_id")


def test_a_team_that_is_deleted_meanwhile_does_not_become_the_responders(
    door: Door, deps: Deps, owner: Account
) -> None:
    lead = door.agent()
    first, second = door.team(name="First", leadAgentId=lead), door.team(name="Second", leadAgentId=lead)
    overlaps(deps).store.before_commit("tenants", lambda: door.call("DELETE", f"/teams/{second['id']}", status=204))
    door.call("DELETE", f"/teams/{first['id']}", status=204)
    assert overlaps(deps).all_happened
    assert _led(deps, owner) is None


def test_a_team_is_read_as_it_was_made(door: Door) -> None:
    lead = door.agent()
    team = door.team(description="Answers.", leadAgentId=lead)
    agents = {"id", "name", "description", "leadAgentId", "members", "createdAt", "updatedAt"}
    assert set(team) == agents | {"peopleIds", "assignment", "skillMatching", "reassignAfterMinutes"}
    assert (team["name"], team["description"], team["leadAgentId"], team["members"]) == (
        "Support",
        "Answers.",
        lead,
        [],
    )
    assert door.call("GET", f"/teams/{team['id']}") == team
    assert door.call("GET", "/teams") == {"teams": [team], "nextCursor": None}


def test_only_what_is_given_changes(door: Door) -> None:
    team = door.team(description="Answers.", leadAgentId=door.agent())
    changed = door.call("PATCH", f"/teams/{team['id']}", {"leadAgentId": None})
    assert changed | {"updatedAt": ""} == team | {"leadAgentId": None, "updatedAt": ""}
    assert door.call("PATCH", f"/teams/{team['id']}", {"name": None})["name"] == team["name"]


def test_names_differ_within_a_tenant(door: Door) -> None:
    first = door.team(name="VIP  Care")
    assert door.call("POST", "/teams", {"name": "vip care"}, 409)["detail"] == "Another team has this name"
    second = door.team(name="Other")
    door.call("PATCH", f"/teams/{second['id']}", {"name": "Vip Care"}, 409)
    assert door.call("PATCH", f"/teams/{first['id']}", {"name": "VIP CARE"})["name"] == "VIP CARE"
    door.call("PATCH", f"/teams/{first['id']}", {"name": "Premium"})
    door.call("PATCH", f"/teams/{second['id']}", {"name": "Vip Care"})
    door.call("DELETE", f"/teams/{second['id']}", status=204)
    door.team(name="vip care")
    stranger = Door(door.client, sign_up(door.client, "eve@example.com"))
    stranger.team(name="vip care")


def test_of_teams_made_at_once_with_one_name_one_is_there(door: Door) -> None:
    def make(_: int) -> int:
        own_client = door.client.application.test_client()
        return own_client.post("/api/teams", json={"name": "Support"}, headers=door.owner.headers).status_code

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(make, range(4))) == [201, 409, 409, 409]
    assert len(door.call("GET", "/teams")["teams"]) == 1


def test_a_lead_is_an_ai_agent_of_the_tenant(door: Door) -> None:
    stranger = Door(door.client, sign_up(door.client, "eve@example.com"))
    door.call("POST", "/teams", {"name": "a", "leadAgentId": stranger.agent()}, 404)
    door.call("POST", "/teams", {"name": "a", "leadAgentId": "unknown"}, 404)
    refused = door.call("POST", "/teams", {"name": "a", "leadAgentId": door.agent(kind="human")}, 400)
    assert set(refused["fields"]) == {"leadAgentId"}
    team = door.team()
    door.call("PATCH", f"/teams/{team['id']}", {"leadAgentId": "unknown"}, 404)


def test_members_come_and_go(door: Door) -> None:
    team, agent, human = door.team()["id"], door.agent(), door.agent(kind="human")
    member = door.call("POST", f"/teams/{team}/members", {"agentId": agent, "expertise": "orders"}, 201)
    assert (set(member), member["expertise"]) == ({"agentId", "expertise", "addedAt"}, "orders")
    door.call("POST", f"/teams/{team}/members", {"agentId": human}, 201)
    door.call("POST", f"/teams/{team}/members", {"agentId": agent, "expertise": "refunds"}, 201)
    listed = door.call("GET", f"/teams/{team}/members")["members"]
    assert [(m["agentId"], m["expertise"]) for m in listed] == [(human, ""), (agent, "refunds")]
    assert door.call("GET", f"/teams/{team}")["members"] == listed
    door.call("DELETE", f"/teams/{team}/members/{human}", status=204)
    door.call("DELETE", f"/teams/{team}/members/{human}", status=404)
    assert [m["agentId"] for m in door.call("GET", f"/teams/{team}/members")["members"]] == [agent]


def test_a_team_has_room_for_twenty(door: Door) -> None:
    team = door.team()["id"]
    agents_ = [door.agent() for _ in range(21)]
    for agent in agents_[:20]:
        door.call("POST", f"/teams/{team}/members", {"agentId": agent}, 201)
    door.call("POST", f"/teams/{team}/members", {"agentId": agents_[20]}, 409)
    door.call("POST", f"/teams/{team}/members", {"agentId": agents_[0], "expertise": "more"}, 201)


def test_members_added_at_once_are_all_there(door: Door) -> None:
    team = door.team()["id"]
    agent_ids = [door.agent() for _ in range(4)]

    def add(agent: str) -> int:
        own_client = door.client.application.test_client()
        path = f"/api/teams/{team}/members"
        return own_client.post(path, json={"agentId": agent}, headers=door.owner.headers).status_code

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(add, agent_ids)) == [201] * 4
    assert {m["agentId"] for m in door.call("GET", f"/teams/{team}/members")["members"]} == set(agent_ids)


def test_the_responders_oldest_team_is_known_to_the_tenant(door: Door, deps: Deps) -> None:
    lead, other = door.agent(), door.agent()
    assert _led(deps, door.owner) is None
    others_team = door.team(name="theirs", leadAgentId=other)["id"]
    first = door.team(name="first", leadAgentId=lead)["id"]
    second = door.team(name="second", leadAgentId=lead)["id"]
    assert _led(deps, door.owner) == first
    door.call("PATCH", f"/teams/{first}", {"leadAgentId": None})
    assert _led(deps, door.owner) == second
    door.call("DELETE", f"/teams/{second}", status=204)
    assert _led(deps, door.owner) is None
    door.call("PATCH", f"/agents/{lead}", {"active": False})
    assert _led(deps, door.owner) == others_team
    door.call("PATCH", f"/agents/{lead}", {"active": True})
    assert _led(deps, door.owner) is None


@pytest.mark.parametrize(
    "wrong", [{"name": ""}, {"name": "  "}, {"name": None}, {"description": 7}, {"leadAgentId": ""}], ids=str
)
def test_a_team_that_cannot_be_is_refused(door: Door, wrong: dict[str, Any]) -> None:
    door.call("POST", "/teams", {"name": "Support"} | wrong, 400)


def test_another_tenants_team_does_not_exist(door: Door) -> None:
    agent = door.agent()
    team = door.team()["id"]
    door.call("POST", f"/teams/{team}/members", {"agentId": agent}, 201)
    stranger = Door(door.client, sign_up(door.client, "eve@example.com"))
    stranger.call("GET", f"/teams/{team}", status=404)
    stranger.call("PATCH", f"/teams/{team}", {"name": "Mine"}, 404)
    stranger.call("DELETE", f"/teams/{team}", status=404)
    stranger.call("GET", f"/teams/{team}/members", status=404)
    stranger.call("POST", f"/teams/{team}/members", {"agentId": stranger.agent()}, 404)
    stranger.call("DELETE", f"/teams/{team}/members/{agent}", status=404)
    door.call("POST", f"/teams/{team}/members", {"agentId": stranger.agent()}, 404)
    assert stranger.call("GET", "/teams") == {"teams": [], "nextCursor": None}
    assert door.call("GET", f"/teams/{team}")["name"] == "Support"


def test_teams_come_in_pages_oldest_first(door: Door) -> None:
    for name in "abc":
        door.team(name=name)
    first = door.call("GET", "/teams?limit=2")
    rest = door.client.get("/api/teams", query_string={"cursor": first["nextCursor"]}, headers=door.owner.headers).json
    assert rest is not None
    assert [team["name"] for team in first["teams"] + rest["teams"]] == ["a", "b", "c"]
