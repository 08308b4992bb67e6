"""Users of a tenant: who may make, change and remove whom, and when it takes effect."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from flask.testing import FlaskClient
from pydantic import SecretStr

from functions.omnichat import agents, auth, users
from shared.cache import TTLCache
from shared.deps import Deps
from shared.domain.accounts import Role
from tests.apps import create_app
from tests.functions.keys import key_for
from tests.functions.omnichat.accounts import PASSWORD, Account, account_of, client_of, join, sign_in, sign_up


@pytest.fixture
def client(deps: Deps) -> FlaskClient:
    return client_of(deps, auth.api, users.api, agents.api)


@pytest.fixture
def owner(client: FlaskClient) -> Account:
    return sign_up(client)


def _invite(client: FlaskClient, by: Account, role: str, email: str = "bob@example.com", status: int = 201) -> Any:
    body = {"email": email, "name": "Bob", "role": role}
    answer = client.post("/api/users", json=body, headers=by.headers)
    assert answer.status_code == status, answer.text
    return answer.json


def _joined(client: FlaskClient, owner: Account, role: str, email: str = "bob@example.com") -> Account:
    return join(client, owner, role, email)


def _set_role(client: FlaskClient, by: Account, user_id: str, role: str) -> int:
    return client.patch(f"/api/users/{user_id}", json={"role": role}, headers=by.headers).status_code


def _may_write(client: FlaskClient, account: Account) -> int:
    return client.post("/api/agents", json={"name": "Ada"}, headers=account.headers).status_code


def test_an_invited_user_signs_in_to_the_tenant(client: FlaskClient, owner: Account) -> None:
    joined = _joined(client, owner, "agent")
    session = account_of(sign_in(client, "bob@example.com").json)
    assert (session.user_id, session.tenant_id) == (joined.user_id, owner.tenant_id)


def test_where_registration_is_closed_invited_users_still_join(client: FlaskClient, owner: Account, deps: Deps) -> None:
    closed = client_of(
        replace(deps, settings=deps.settings.model_copy(update={"registration": "closed"})), auth.api, users.api
    )
    refused = closed.post("/api/auth/register", json={"email": "eve@example.com", "password": PASSWORD})
    assert (refused.status_code, refused.json["code"]) == (403, "forbidden")  # type: ignore[index]
    assert "invite you" in refused.json["detail"]  # type: ignore[index]
    _joined(closed, owner, "agent")
    assert sign_in(closed, "bob@example.com").status_code == 200
    assert sign_in(closed, "eve@example.com").status_code == 401


def test_an_address_has_one_user_in_a_tenant(client: FlaskClient, owner: Account) -> None:
    _joined(client, owner, "agent", "carl@example.com")
    _invite(client, owner, "viewer", "Carl@Example.com", 409)
    _invite(client, owner, "viewer", "ann@example.com", 409)


@pytest.mark.parametrize(
    "wrong",
    [{"email": "no address"}, {"password": PASSWORD}, {"role": "king"}, {"role": None}, {"name": ""}, {"email": 7}],
    ids=str,
)
def test_a_user_who_cannot_be_is_refused(client: FlaskClient, owner: Account, wrong: dict[str, Any]) -> None:
    body = {"email": "bob@example.com", "name": "Bob", "role": "agent"} | wrong
    answer = client.post("/api/users", json=body, headers=owner.headers)
    assert answer.status_code == 400
    assert PASSWORD not in answer.text


def test_users_come_in_pages_oldest_first(client: FlaskClient, owner: Account) -> None:
    for n in range(3):
        _joined(client, owner, "viewer", f"u{n}@example.com")
    first: Any = client.get("/api/users?limit=2", headers=owner.headers).json
    cursor = {"limit": "2", "cursor": first["nextCursor"]}
    rest: Any = client.get("/api/users", query_string=cursor, headers=owner.headers).json
    emails = [user["email"] for user in first["users"] + rest["users"]]
    assert emails == ["ann@example.com", "u0@example.com", "u1@example.com", "u2@example.com"]
    assert rest["nextCursor"] is None
    assert "argon2" not in str(first)


def test_a_name_can_be_changed_alone(client: FlaskClient, owner: Account) -> None:
    path = f"/api/users/{_joined(client, owner, 'agent').user_id}"
    changed: Any = client.patch(path, json={"name": "Rob"}, headers=owner.headers)
    assert (changed.json["name"], changed.json["role"]) == ("Rob", "agent")
    assert client.patch(path, json={}, headers=owner.headers).json == changed.json
    same = client.patch(path, json={"role": None}, headers=owner.headers)
    assert same.json == changed.json


def test_admins_look_after_agents_and_viewers_only(client: FlaskClient, owner: Account) -> None:
    admin = _joined(client, owner, "admin")
    below = _joined(client, admin, "agent", "agent@example.com").user_id
    for role in ("owner", "admin"):
        _invite(client, admin, role, "more@example.com", 403)
        assert _set_role(client, admin, below, role) == 403
    assert _set_role(client, admin, below, "viewer") == 200
    for above in (owner.user_id, admin.user_id):
        assert _set_role(client, admin, above, "viewer") == 403
        assert client.delete(f"/api/users/{above}", headers=admin.headers).status_code == 403
    assert client.delete(f"/api/users/{below}", headers=admin.headers).status_code == 204


def test_a_new_role_counts_for_tokens_that_are_out(client: FlaskClient, owner: Account) -> None:
    admin = _joined(client, owner, "admin")
    assert _may_write(client, admin) == 201
    assert _set_role(client, owner, admin.user_id, "viewer") == 200
    assert _may_write(client, admin) == 403
    assert _set_role(client, owner, admin.user_id, "admin") == 200
    assert _may_write(client, admin) == 201


def test_another_process_notices_within_its_caches_time(client: FlaskClient, owner: Account, deps: Deps) -> None:
    seconds = [0.0]
    elsewhere = replace(deps, cache=TTLCache(lambda: seconds[0]))
    other = create_app(elsewhere, [agents.api]).test_client()
    admin = _joined(client, owner, "admin")
    assert _may_write(other, admin) == 201
    _set_role(client, owner, admin.user_id, "viewer")
    assert _may_write(other, admin) == 201
    seconds[0] = 31.0
    assert _may_write(other, admin) == 403
    client.delete(f"/api/users/{admin.user_id}", headers=owner.headers)
    seconds[0] = 62.0
    assert _may_write(other, admin) == 401


def test_a_removed_users_tokens_end_and_their_address_is_free(client: FlaskClient, owner: Account) -> None:
    removed = _joined(client, owner, "agent")
    assert client.get("/api/auth/me", headers=removed.headers).status_code == 200
    assert client.delete(f"/api/users/{removed.user_id}", headers=owner.headers).status_code == 204
    assert client.get("/api/auth/me", headers=removed.headers).status_code == 401
    assert client.post("/api/auth/refresh", json={"refreshToken": removed.refresh}).status_code == 401
    assert sign_in(client, "bob@example.com").status_code == 401
    assert client.delete(f"/api/users/{removed.user_id}", headers=owner.headers).status_code == 404
    assert _joined(client, owner, "viewer").user_id != removed.user_id


def test_the_last_owner_stays(client: FlaskClient, owner: Account) -> None:
    _joined(client, owner, "admin")
    assert _set_role(client, owner, owner.user_id, "admin") == 409
    assert client.delete(f"/api/users/{owner.user_id}", headers=owner.headers).status_code == 409
    assert _set_role(client, owner, owner.user_id, "owner") == 200
    second = _joined(client, owner, "owner", "carl@example.com")
    assert _set_role(client, owner, owner.user_id, "agent") == 200
    assert client.delete(f"/api/users/{second.user_id}", headers=second.headers).status_code == 409


@pytest.mark.parametrize("round_number", range(3))
def test_of_owners_who_all_leave_at_once_one_stays(client: FlaskClient, owner: Account, round_number: int) -> None:
    owners = [owner, *(_joined(client, owner, "owner", f"o{n}@example.com") for n in range(3))]

    def leave(n: int) -> int:
        own_client = client.application.test_client()
        path = f"/api/users/{owners[n].user_id}"
        if n % 2:
            return own_client.delete(path, headers=owners[n].headers).status_code
        return own_client.patch(path, json={"role": "viewer"}, headers=owners[n].headers).status_code

    with ThreadPoolExecutor(4) as pool:
        statuses = list(pool.map(leave, range(4)))
    assert statuses.count(409) == 1, statuses
    stays = owners[statuses.index(409)]
    listed: Any = client.get("/api/users", headers=stays.headers).json
    assert [user["id"] for user in listed["users"] if user["role"] == "owner"] == [stays.user_id]


def test_another_tenants_user_does_not_exist(client: FlaskClient, owner: Account) -> None:
    stranger = sign_up(client, "eve@example.com")
    path = f"/api/users/{owner.user_id}"
    answers = [
        client.patch(path, json={"role": "viewer"}, headers=stranger.headers),
        client.delete(path, headers=stranger.headers),
        client.delete("/api/users/unknown", headers=stranger.headers),
    ]
    assert [answer.status_code for answer in answers] == [404] * 3
    assert len({answer.json["detail"] for answer in answers if answer.json}) == 1
    listed: Any = client.get("/api/users", headers=stranger.headers).json
    assert [user["id"] for user in listed["users"]] == [stranger.user_id]


def test_the_operators_key_can_begin_the_default_tenant(deps: Deps) -> None:
    keyed = replace(deps, settings=deps.settings.model_copy(update={"api_key": SecretStr("the-key")}))
    client = create_app(keyed, [auth.api, users.api]).test_client()
    assert join(client, {"X-API-Key": "the-key"}, "owner", "bob@example.com").tenant_id == "default"
    assert account_of(sign_in(client, "bob@example.com").json).tenant_id == "default"


def test_a_key_is_held_to_its_role_too(client: FlaskClient, owner: Account, deps: Deps) -> None:
    headers = key_for(deps, owner.tenant_id, Role.ADMIN)
    body = {"email": "bob@example.com", "role": "owner"}
    assert client.post("/api/users", json=body, headers=headers).status_code == 403
