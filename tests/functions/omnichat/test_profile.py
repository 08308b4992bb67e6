"""A person's own profile, and the business that they belong to."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from functions.omnichat import auth, link_pages, profile, users
from shared.deps import Deps
from shared.domain.accounts import Role
from shared.usecases.accounts.credentials import authenticate
from tests.apps import create_app
from tests.functions.keys import key_for
from tests.functions.omnichat.accounts import Account, join, sign_up


@pytest.fixture
def client(deps: Deps) -> FlaskClient:
    return create_app(deps, [auth.api, link_pages.api, users.api, profile.api]).test_client()


@pytest.fixture
def owner(client: FlaskClient) -> Account:
    return sign_up(client, tenantName="Acme")


def test_a_viewer_says_how_they_want_pages_to_be_and_what_is_left_out_stays(
    client: FlaskClient, owner: Account
) -> None:
    viewer = join(client, owner, "viewer", "bob@example.com")
    body = {"name": "Bob", "language": "pt", "timeZone": "Europe/Lisbon", "sounds": True}
    changed: Any = client.patch("/api/me", json=body, headers=viewer.headers)
    assert changed.status_code == 200, changed.text
    again: Any = client.patch("/api/me", json={"timeZone": None}, headers=viewer.headers)
    profile: Any = client.get("/api/me", headers=viewer.headers)
    assert profile.json == again.json
    assert {name: profile.json[name] for name in ("name", "language", "timeZone", "sounds", "email", "role")} == {
        "name": "Bob",
        "language": "pt",
        "timeZone": None,
        "sounds": True,
        "email": "bob@example.com",
        "role": "viewer",
    }
    assert client.get("/api/me", headers=owner.headers).json["name"] is None  # type: ignore[index]


def test_what_somebody_writes_next_bears_their_new_name(client: FlaskClient, deps: Deps, owner: Account) -> None:
    assert authenticate(deps, owner.access).name == "ann@example.com"
    client.patch("/api/me", json={"name": "Ann"}, headers=owner.headers)
    assert authenticate(deps, owner.access).name == "Ann"


@pytest.mark.parametrize(
    "wrong", [{"timeZone": "Lisbon"}, {"timeZone": "../etc/passwd"}, {"language": "Português"}, {"role": "owner"}]
)
def test_what_cannot_be_is_refused(client: FlaskClient, owner: Account, wrong: dict[str, str]) -> None:
    answer: Any = client.patch("/api/me", json=wrong, headers=owner.headers)
    assert (answer.status_code, set(answer.json["fields"])) == (400, set(wrong))


def test_a_key_has_no_profile(client: FlaskClient, deps: Deps, owner: Account) -> None:
    key = key_for(deps, owner.tenant_id, Role.OWNER)
    assert client.get("/api/me", headers=key).status_code == 400
    assert client.patch("/api/me", json={"name": "Key"}, headers=key).status_code == 400


def test_an_admin_changes_the_business_and_everybody_in_it_sees_that(client: FlaskClient, owner: Account) -> None:
    viewer = join(client, owner, "viewer", "bob@example.com")
    body = {"name": "Acme Ltd", "timeZone": "America/Sao_Paulo"}
    assert client.patch("/api/tenant", json=body, headers=viewer.headers).status_code == 403
    assert client.patch("/api/tenant", json=body, headers=owner.headers).status_code == 200
    business: Any = client.get("/api/tenant", headers=viewer.headers).json
    assert (business["id"], business["name"]) == (owner.tenant_id, "Acme Ltd")
    assert business["timeZone"] == "America/Sao_Paulo"
    stranger = sign_up(client, "eve@example.com", tenantName="Other")
    assert client.get("/api/tenant", headers=stranger.headers).json["name"] == "Other"  # type: ignore[index]
