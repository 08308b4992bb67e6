"""Managing agents, and which of them is the responder."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from flask.testing import FlaskClient
from pydantic import SecretStr

from functions.omnichat import agents, auth
from shared.deps import Deps
from shared.domain.accounts import Role
from shared.ports.store import Ref, Set
from shared.security.tokens import AccessClaims, sign, span
from shared.usecases.accounts.credentials import access_key
from tests.apps import create_app
from tests.documents import a_user
from tests.functions.omnichat.accounts import Account, client_of, sign_up
from tests.overlaps import overlaps

TOOL = {
    "name": "order_status",
    "description": "Looks an order up.",
    "parameters": {"type": "object", "properties": {"number": {"type": "string"}}},
    "url": "https://shop.example/orders",
}


@pytest.fixture
def client(deps: Deps) -> FlaskClient:
    return client_of(deps, auth.api, agents.api)


@pytest.fixture
def owner(client: FlaskClient) -> Account:
    return sign_up(client)


def _make(client: FlaskClient, owner: Account, **fields: Any) -> dict[str, Any]:
    response = client.post("/api/agents", json={"name": "Ada", **fields}, headers=owner.headers)
    assert response.status_code == 201, response.text
    agent: dict[str, Any] = response.json["agent"]  # type: ignore[index]  # it is an object
    return agent


def _responder(deps: Deps, tenant_id: str) -> Any:
    ref = Ref("tenants", tenant_id)
    return deps.store.get([ref])[ref].data["responder"]


def _with_role(deps: Deps, tenant_id: str, role: Role) -> dict[str, str]:
    user = a_user(id="u", tenant_id=tenant_id, role=role)
    deps.store.commit([Set(Ref("users", user.id), user.model_dump())])
    issued, expires = span(deps.now(), 60)
    claims = AccessClaims(user_id="u", tenant_id=tenant_id, email="u@b.cd", role=role, iat=issued, exp=expires)
    return {"Authorization": f"Bearer {sign(claims, access_key(deps))}"}


def test_an_agent_uses_one_of_the_allowed_models(deps: Deps) -> None:
    settings = deps.settings.model_copy(update={"openai_models": ("gpt-mini", "gpt-nano")})
    client = client_of(replace(deps, settings=settings), auth.api, agents.api)
    owner = sign_up(client)
    for model in (None, "gpt-mini", settings.openai_model):
        _make(client, owner, model=model)
    refused = client.post("/api/agents", json={"name": "Ada", "model": "gpt-dear"}, headers=owner.headers)
    assert refused.status_code == 400
    assert "gpt-mini, gpt-nano" in refused.json["fields"]["model"]  # type: ignore[index]


def test_an_agent_has_defaults(client: FlaskClient, owner: Account) -> None:
    agent = _make(client, owner)
    stamps = {agent.pop(name) for name in ("createdAt", "updatedAt")}
    assert len(stamps) == 1
    assert agent.pop("id")
    assert agent == {
        "kind": "ai",
        "name": "Ada",
        "active": True,
        "prompt": "",
        "model": None,
        "temperature": None,
        "tools": [],
        "cooldownSeconds": 30,
        "status": "ACTIVE",
        "toolConfig": None,
    }


def test_an_agent_is_read_as_it_was_made(client: FlaskClient, owner: Account) -> None:
    agent = _make(client, owner, prompt="Be brief.", model="gpt-4o", temperature=0.5, tools=[TOOL])
    assert agent["tools"] == [TOOL]
    assert client.get(f"/api/agents/{agent['id']}", headers=owner.headers).json == agent


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        pytest.param({"name": ""}, "name", id="empty name"),
        pytest.param({"name": None}, "name", id="no name"),
        pytest.param({"kind": "robot"}, "kind", id="unknown kind"),
        pytest.param({"temperature": 2.1}, "temperature", id="too hot"),
        pytest.param({"temperature": -0.1}, "temperature", id="too cold"),
        pytest.param({"tools": [TOOL | {"name": "with space"}]}, "tools.0.name", id="tool name"),
        pytest.param({"tools": [TOOL, TOOL]}, "tools", id="same tool twice"),
        pytest.param({"tools": [TOOL | {"parameters": {"x": "y" * 17_000}}]}, "tools.0.parameters", id="huge schema"),
        pytest.param({"tools": [TOOL | {"parameters": {"type": "array"}}]}, "tools.0.parameters", id="a list"),
        pytest.param({"tools": [TOOL | {"parameters": {"type": "object", "": 1}}]}, "tools.0.parameters", id="unnamed"),
        pytest.param({"tools": [TOOL | {"parameters": {"q": "string"}}]}, "tools.0.parameters", id="no schema"),
    ],
)
def test_a_wrong_field_is_named(client: FlaskClient, owner: Account, fields: dict[str, Any], field: str) -> None:
    response = client.post("/api/agents", json={"name": "Ada"} | fields, headers=owner.headers)
    assert response.status_code == 400
    assert response.json is not None
    assert set(response.json["fields"]) == {field}


@pytest.mark.parametrize(
    "url", ["ftp://shop.example", "http://metadata.google.internal/x", "http://u:p@shop.example", "x"]
)
def test_a_tool_may_not_lead_anywhere_it_should_not(client: FlaskClient, owner: Account, url: str) -> None:
    created = client.post("/api/agents", json={"name": "A", "tools": [TOOL | {"url": url}]}, headers=owner.headers)
    agent = _make(client, owner)
    changed = client.patch(f"/api/agents/{agent['id']}", json={"tools": [TOOL | {"url": url}]}, headers=owner.headers)
    assert created.status_code == changed.status_code == 400


def test_a_change_leaves_the_rest_alone(client: FlaskClient, owner: Account) -> None:
    agent = _make(client, owner, prompt="Be brief.", model="gpt-4o", temperature=0.5, tools=[TOOL])
    path = f"/api/agents/{agent['id']}"
    answer: Any = client.patch(path, json={"name": "Bo"}, headers=owner.headers).json
    changed = answer["agent"]
    assert changed | {"updatedAt": ""} == agent | {"name": "Bo", "updatedAt": ""}
    assert client.get(path, headers=owner.headers).json == changed


def test_null_empties_what_is_optional(client: FlaskClient, owner: Account) -> None:
    agent = _make(client, owner, prompt="Be brief.", model="gpt-4o", temperature=0.5, tools=[TOOL])
    empty = {"prompt": None, "model": None, "temperature": None, "tools": None}
    changed = client.patch(f"/api/agents/{agent['id']}", json=empty, headers=owner.headers).json
    assert changed is not None
    assert {name: changed[name] for name in empty} == {"prompt": "", "model": None, "temperature": None, "tools": []}


@pytest.mark.parametrize("name", ["kind", "name", "active"])
def test_null_leaves_what_is_needed_as_it_is(client: FlaskClient, owner: Account, name: str) -> None:
    agent = _make(client, owner)
    changed: Any = client.patch(f"/api/agents/{agent['id']}", json={name: None}, headers=owner.headers).json
    assert changed[name] == agent[name]


def test_a_list_comes_in_pages_oldest_first(client: FlaskClient, owner: Account) -> None:
    expected = [_make(client, owner, name=f"A{n}")["name"] for n in range(5)]
    names: list[str] = []
    query = {"limit": "2"}
    while True:
        page = client.get("/api/agents", query_string=query, headers=owner.headers).json
        assert page is not None
        names += [agent["name"] for agent in page["agents"]]
        if page["nextCursor"] is None:
            break
        query["cursor"] = page["nextCursor"]
    assert names == expected


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "limit=x", "cursor=nonsense"])
def test_a_page_that_cannot_be_is_refused(client: FlaskClient, owner: Account, query: str) -> None:
    assert client.get(f"/api/agents?{query}", headers=owner.headers).status_code == 400


def test_another_tenants_agent_does_not_exist(client: FlaskClient, owner: Account) -> None:
    path = f"/api/agents/{_make(client, owner)['id']}"
    stranger = sign_up(client, "bob@example.com")
    answers = [
        client.get(path, headers=stranger.headers),
        client.patch(path, json={"name": "Mine"}, headers=stranger.headers),
        client.delete(path, headers=stranger.headers),
        client.get("/api/agents/unknown", headers=stranger.headers),
    ]
    assert [answer.status_code for answer in answers] == [404] * 4
    assert len({answer.json["detail"] for answer in answers if answer.json}) == 1
    listed = client.get("/api/agents", headers=stranger.headers).json
    assert listed == {"ok": True, "agents": [], "nextCursor": None}
    assert client.get(path, headers=owner.headers).status_code == 200


@pytest.mark.parametrize(
    ("role", "status"), [(Role.OWNER, 201), (Role.ADMIN, 201), (Role.AGENT, 403), (Role.VIEWER, 403)]
)
def test_only_admins_and_owners_write(client: FlaskClient, owner: Account, deps: Deps, role: Role, status: int) -> None:
    path = f"/api/agents/{_make(client, owner)['id']}"
    headers = _with_role(deps, owner.tenant_id, role)
    assert client.post("/api/agents", json={"name": "Ada"}, headers=headers).status_code == status
    assert client.get(path, headers=headers).status_code == 200
    written = [client.patch(path, json={"name": "Bo"}, headers=headers), client.delete(path, headers=headers)]
    assert [answer.status_code for answer in written] == ([200, 200] if status == 201 else [403, 403])


def test_a_new_tenant_has_no_responder(owner: Account, deps: Deps) -> None:
    assert _responder(deps, owner.tenant_id) is None


def test_the_oldest_active_ai_agent_responds(client: FlaskClient, owner: Account, deps: Deps) -> None:
    _make(client, owner, name="Human", kind="human")
    _make(client, owner, name="External", kind="external")
    _make(client, owner, name="Asleep", active=False)
    first, second = _make(client, owner, name="First"), _make(client, owner, name="Second")
    assert _responder(deps, owner.tenant_id)["name"] == "First"
    client.patch(f"/api/agents/{first['id']}", json={"active": False}, headers=owner.headers)
    assert _responder(deps, owner.tenant_id)["name"] == "Second"
    client.patch(f"/api/agents/{first['id']}", json={"active": True, "prompt": "New."}, headers=owner.headers)
    assert _responder(deps, owner.tenant_id)["prompt"] == "New."
    client.delete(f"/api/agents/{first['id']}", headers=owner.headers)
    assert _responder(deps, owner.tenant_id)["name"] == "Second"
    client.patch(f"/api/agents/{second['id']}", json={"kind": "human"}, headers=owner.headers)
    assert _responder(deps, owner.tenant_id) is None


def test_an_emptied_prompt_and_tool_list_reach_the_responder(client: FlaskClient, owner: Account, deps: Deps) -> None:
    agent = _make(client, owner, prompt="Be brief.", tools=[TOOL])
    client.patch(f"/api/agents/{agent['id']}", json={"prompt": None, "tools": None}, headers=owner.headers)
    responder = _responder(deps, owner.tenant_id)
    assert (responder["prompt"], responder["tools"]) == ("", [])


def test_changes_at_once_leave_the_right_responder(client: FlaskClient, owner: Account, deps: Deps) -> None:
    first, second = _make(client, owner, name="First"), _make(client, owner, name="Second")

    def change(n: int) -> int:
        own_client = client.application.test_client()
        path = f"/api/agents/{(first, second)[n % 2]['id']}"
        return own_client.patch(path, json={"active": False, "prompt": str(n)}, headers=owner.headers).status_code

    with ThreadPoolExecutor(4) as pool:
        statuses = list(pool.map(change, range(6)))
    assert statuses == [200] * 6
    assert _responder(deps, owner.tenant_id) is None
    client.patch(f"/api/agents/{second['id']}", json={"active": True}, headers=owner.headers)
    assert _responder(deps, owner.tenant_id)["name"] == "Second"


def test_the_operators_key_makes_the_default_tenant_when_it_needs_it(deps: Deps) -> None:
    keyed = replace(deps, settings=deps.settings.model_copy(update={"api_key": SecretStr("the-key")}))
    app = create_app(keyed, [agents.api])

    def make(n: int) -> int:
        body = {"name": f"A{n}"}
        return app.test_client().post("/api/agents", json=body, headers={"X-API-Key": "the-key"}).status_code

    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(make, range(3))) == [201] * 3
    ref = Ref("tenants", "default")
    tenant = deps.store.get([ref])[ref].data
    assert (tenant["id"], tenant["name"]) == ("default", "default")
    oldest = min((agent.data for agent in deps.store.find("agents").documents), key=lambda agent: agent["created_at"])
    assert tenant["responder"]["id"] == oldest["id"]


def test_an_agent_that_is_deleted_meanwhile_does_not_become_the_responder(
    client: FlaskClient, owner: Account, deps: Deps
) -> None:
    first, second = _make(client, owner), _make(client, owner)

    def delete(agent: dict[str, Any]) -> None:
        assert client.delete(f"/api/agents/{agent['id']}", headers=owner.headers).json == {"ok": True}

    overlaps(deps).store.before_commit("tenants", lambda: delete(second))
    delete(first)
    assert overlaps(deps).all_happened
    assert _responder(deps, owner.tenant_id) is None
