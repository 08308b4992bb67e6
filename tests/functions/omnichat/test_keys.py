"""API keys: shown once; limited by role, scopes and expiry; revoked immediately."""

from __future__ import annotations

import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from flask.testing import FlaskClient

from functions.omnichat import agents, auth, keys, users
from shared.deps import Deps
from shared.errors import StoreError
from shared.ports.store import Merge, Write
from shared.usecases.accounts.credentials import authenticate
from tests.apps import create_app
from tests.functions.omnichat.accounts import Account, client_of, join, sign_up
from tests.index_check import RecordingStore
from tests.overlaps import overlaps


@pytest.fixture
def client(deps: Deps) -> FlaskClient:
    return client_of(deps, auth.api, keys.api, agents.api, users.api)


@pytest.fixture
def owner(client: FlaskClient) -> Account:
    return sign_up(client)


def _make(client: FlaskClient, headers: dict[str, str], status: int = 201, **fields: Any) -> Any:
    answer = client.post("/api/keys", json={"name": "shop"} | fields, headers=headers)
    assert answer.status_code == status, answer.text
    return answer.json


def _with(key: str) -> dict[str, str]:
    return {"X-API-Key": key}


def _statuses(client: FlaskClient, key: str) -> tuple[int, int]:
    """The status codes of a read and a write."""
    read = client.get("/api/agents", headers=_with(key)).status_code
    return read, client.post("/api/agents", json={"name": "Ada"}, headers=_with(key)).status_code


def test_a_key_is_told_once(client: FlaskClient, owner: Account, deps: Deps) -> None:
    key = _make(client, owner.headers)
    assert set(key) == {"id", "name", "prefix", "role", "scopes", "expiresAt", "lastUsedAt", "createdAt", "key"}
    assert re.fullmatch(r"omh_[A-Za-z0-9_-]{43}", key["key"])
    assert key["prefix"] == key["key"][:8] + "••••"
    assert (key["role"], key["scopes"], key["lastUsedAt"]) == ("admin", ["read", "write"], None)
    listed: Any = client.get("/api/keys", headers=owner.headers).json
    assert listed == {"keys": [{name: key[name] for name in key if name != "key"}], "nextCursor": None}
    assert key["key"] not in repr(deps.store.find("api_keys").documents)


def test_a_key_speaks_for_its_tenant(client: FlaskClient, owner: Account) -> None:
    key = _make(client, owner.headers)["key"]
    assert client.get("/api/auth/me", headers=_with(key)).json == {"user": None, "tenantId": owner.tenant_id}
    assert client.get("/api/auth/me", headers={"Authorization": f"Bearer {key}"}).status_code == 200


def test_a_revoked_key_is_refused_at_once(client: FlaskClient, owner: Account) -> None:
    key = _make(client, owner.headers)
    assert _statuses(client, key["key"]) == (200, 201)
    path = f"/api/keys/{key['id']}"
    assert client.delete(path, headers=owner.headers).status_code == 204
    assert _statuses(client, key["key"]) == (401, 401)
    assert client.delete(path, headers=owner.headers).status_code == 404
    assert client.get("/api/keys", headers=owner.headers).json == {"keys": [], "nextCursor": None}


@pytest.mark.parametrize(
    ("scopes", "expected_scopes", "statuses"),
    [
        (None, ["read", "write"], (200, 201)),
        (["read"], ["read"], (200, 403)),
        (["write"], ["write"], (403, 201)),
        (["write", "read", "read"], ["read", "write"], (200, 201)),
        (["secrets:read"], ["read", "secrets:read"], (200, 403)),
    ],
    ids=str,
)
def test_a_key_is_held_to_its_scopes(
    client: FlaskClient, owner: Account, scopes: Any, expected_scopes: list[str], statuses: tuple[int, int]
) -> None:
    key = _make(client, owner.headers, scopes=scopes)
    assert key["scopes"] == expected_scopes
    assert _statuses(client, key["key"]) == statuses


@pytest.mark.parametrize(("role", "write"), [("owner", 201), ("admin", 201), ("agent", 403), ("viewer", 403)])
def test_a_key_is_held_to_its_role(client: FlaskClient, owner: Account, role: str, write: int) -> None:
    assert _statuses(client, _make(client, owner.headers, role=role)["key"]) == (200, write)


def test_a_key_may_do_no_more_than_its_maker(client: FlaskClient, owner: Account) -> None:
    admin = join(client, owner, "admin", "bob@example.com")
    _make(client, admin.headers, 403, role="owner")
    owners = _make(client, owner.headers, role="owner")
    assert client.delete(f"/api/keys/{owners['id']}", headers=admin.headers).status_code == 403
    plain = _with(_make(client, admin.headers)["key"])
    _make(client, plain, 403, scopes=["secrets:read"])
    _make(client, plain, scopes=["read"])
    blind = _with(_make(client, admin.headers, scopes=["write"])["key"])
    _make(client, blind, 403, scopes=["read"])
    _make(client, blind, 403)
    _make(client, blind, scopes=["write"])


def test_a_key_ends_when_it_was_to(client: FlaskClient, owner: Account, deps: Deps) -> None:
    end = (datetime.now(UTC) + timedelta(minutes=5)).isoformat()
    key = _make(client, owner.headers, expiresAt=end)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", key["expiresAt"])
    assert _statuses(client, key["key"]) == (200, 201)
    assert _statuses(client_of(deps, agents.api, later=timedelta(minutes=6)), key["key"]) == (401, 401)


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": ""},
        {"name": None},
        {"role": "king"},
        {"scopes": ["everything"]},
        {"scopes": "read"},
        {"scopes": []},
        {"expiresAt": "2020-01-01T00:00:00Z"},
        {"expiresAt": "2030-01-01T00:00:00"},
        {"expiresAt": "9999-12-31T23:59:59-12:00"},
        {"expiresAt": "0001-01-01T00:00:00+12:00"},
        {"expiresAt": 10**18},
        {"expiresAt": "soon"},
    ],
    ids=str,
)
def test_a_key_that_cannot_be_is_refused(client: FlaskClient, owner: Account, wrong: dict[str, Any]) -> None:
    assert isinstance(_make(client, owner.headers, 400, **wrong)["detail"], str)


def test_keys_come_in_pages_oldest_first(client: FlaskClient, owner: Account) -> None:
    for name in "abc":
        _make(client, owner.headers, name=name)
    first: Any = client.get("/api/keys?limit=2", headers=owner.headers).json
    cursor = {"cursor": first["nextCursor"]}
    rest: Any = client.get("/api/keys", query_string=cursor, headers=owner.headers).json
    assert [key["name"] for key in first["keys"] + rest["keys"]] == ["a", "b", "c"]


def test_a_key_may_do_what_its_maker_may_now_and_ends_with_them(client: FlaskClient, owner: Account) -> None:
    admin = join(client, owner, "admin", "bo@example.com")
    first = _make(client, admin.headers)["key"]
    second = _make(client, _with(first))["key"]
    owners = _make(client, owner.headers)["key"]
    path = f"/api/users/{admin.user_id}"
    for key in (first, second):
        assert client.get("/api/keys", headers=_with(key)).status_code == 200
        assert _statuses(client, key) == (200, 201)
    assert client.patch(path, json={"role": "viewer"}, headers=owner.headers).status_code == 200
    for key in (first, second):
        assert client.get("/api/keys", headers=_with(key)).status_code == 403
        assert _statuses(client, key) == (200, 403)
    assert client.delete(path, headers=owner.headers).status_code == 204
    for key in (first, second):
        assert _statuses(client, key) == (401, 401)
    assert _statuses(client, owners) == (200, 201)


def test_a_key_does_not_keep_the_sight_of_secrets_that_its_maker_lost(
    client: FlaskClient, owner: Account, deps: Deps
) -> None:
    admin = join(client, owner, "admin", "bo@example.com")
    key = _make(client, admin.headers, role="agent", scopes=["secrets:read"])["key"]
    assert authenticate(deps, key).may_read_secrets
    client.patch(f"/api/users/{admin.user_id}", json={"role": "agent"}, headers=owner.headers)
    assert not authenticate(deps, key).may_read_secrets


def test_another_tenants_key_does_not_exist(client: FlaskClient, owner: Account) -> None:
    key = _make(client, owner.headers)
    stranger = sign_up(client, "eve@example.com")
    assert client.delete(f"/api/keys/{key['id']}", headers=stranger.headers).status_code == 404
    assert client.get("/api/keys", headers=stranger.headers).json == {"keys": [], "nextCursor": None}
    assert _statuses(client, key["key"]) == (200, 201)


@dataclass
class CountingStore(RecordingStore):
    """Records the writes to API keys."""

    noted: list[Write] = field(default_factory=list)

    def commit(self, writes: Sequence[Write]) -> None:
        self.store.commit(writes)
        self.noted += [write for write in writes if isinstance(write, Merge) and write.ref.collection == "api_keys"]


def test_its_use_is_noted_at_most_once_a_minute(client: FlaskClient, owner: Account, deps: Deps) -> None:
    key = _make(client, owner.headers)
    counting = CountingStore(deps.store)
    start = datetime.now(UTC)
    for minutes, noted in ((0.0, 1), (0.5, 1), (0.9, 1), (1.1, 2), (1.2, 2)):
        moment = start + timedelta(minutes=minutes)
        clock = partial(datetime.fromtimestamp, moment.timestamp(), UTC)
        app = create_app(replace(deps, store=counting, now=clock), [agents.api, keys.api])

        def ask(_: int, app: Any = app) -> int:
            return int(app.test_client().get("/api/agents", headers=_with(key["key"])).status_code)

        with ThreadPoolExecutor(4) as pool:
            assert list(pool.map(ask, range(8))) == [200] * 8
        assert len(counting.noted) == noted, minutes
    listed: Any = client.get("/api/keys", headers=owner.headers).json
    last_used_at = datetime.fromisoformat(listed["keys"][0]["lastUsedAt"])
    assert abs(last_used_at - start - timedelta(minutes=1.1)) < timedelta(milliseconds=2)


def test_a_use_that_cannot_be_noted_is_no_reason_to_refuse(client: FlaskClient, owner: Account, deps: Deps) -> None:
    key = _make(client, owner.headers)["key"]
    overlaps(deps).store.before_commit("api_keys", _store_is_gone)
    assert client.get("/api/agents", headers=_with(key)).status_code == 200
    assert overlaps(deps).all_happened


def _store_is_gone() -> None:
    raise StoreError("The store did not answer")
