"""People who sign up, for the tests of this dialect."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from shared.deps import Deps
from shared.http.blueprint import APIBlueprint
from tests.apps import create_app

PASSWORD = "correct horse battery"


def client_of(deps: Deps, *blueprints: APIBlueprint, later: timedelta = timedelta()) -> FlaskClient:
    """A client of an application whose clock is ahead by `later`."""
    return create_app(replace(deps, now=lambda: deps.now() + later), blueprints).test_client()


@dataclass(frozen=True)
class Account:
    """What registration answered."""

    access: str
    refresh: str
    user_id: str
    tenant_id: str

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.access}"}


def account_of(answer: Any) -> Account:
    return Account(answer["accessToken"], answer["refreshToken"], answer["user"]["id"], answer["tenant"]["id"])


def sign_up(client: FlaskClient, email: str = "ann@example.com", **fields: str) -> Account:
    response = client.post("/api/auth/register", json={"email": email, "password": PASSWORD, **fields})
    assert response.status_code == 201, response.text
    return account_of(response.json)


def invite(client: FlaskClient, headers: Mapping[str, str], role: str, email: str) -> str:
    """Invite somebody; returns the token of the link."""
    answer: Any = client.post("/api/users", json={"email": email, "role": role}, headers=dict(headers))
    assert answer.status_code == 201, answer.text
    return str(answer.json["link"].rpartition("token=")[2])


def join(
    client: FlaskClient, by: Account | Mapping[str, str], role: str, email: str, password: str = PASSWORD
) -> Account:
    """Invite somebody, and accept as they do."""
    token = invite(client, by.headers if isinstance(by, Account) else by, role, email)
    answer = client.post("/api/auth/link", json={"token": token, "password": password})
    assert answer.status_code == 200, answer.text
    return account_of(answer.json)


def sign_in(client: FlaskClient, email: str = "ann@example.com", password: str = PASSWORD) -> Any:
    return client.post("/api/auth/login", json={"email": email, "password": password})


def refresh(client: FlaskClient, token: str) -> TestResponse:
    return client.post("/api/auth/refresh", json={"refreshToken": token})


def me(client: FlaskClient, token: str) -> TestResponse:
    return client.get("/api/auth/me", headers={"Authorization": f"Bearer {token}"})
