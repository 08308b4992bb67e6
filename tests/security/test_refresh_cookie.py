"""The cookie that keeps a refresh token from scripts: who gets it, and who may use it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from functions.hub.main import blueprints
from shared.deps import Deps
from tests.apps import create_app
from tests.functions.omnichat.accounts import PASSWORD, account_of, invite, sign_up

IN_COOKIE = {"X-Refresh-Token": "cookie"}
ANN = {"email": "ann@example.com", "password": PASSWORD}


@pytest.fixture
def client(deps: Deps) -> FlaskClient:
    """A browser at `http://localhost`, which keeps cookies."""
    return create_app(deps, blueprints()).test_client()


def _refresh_cookie(answer: TestResponse) -> str:
    [cookie] = [each for each in answer.headers.getlist("Set-Cookie") if each.startswith("hub_refresh=")]
    return cookie


def _refresh(client: FlaskClient, **headers: str) -> TestResponse:
    return client.post("/api/auth/refresh", json={}, headers=IN_COOKIE | headers)


def _begin(client: FlaskClient, kind: str) -> TestResponse:
    if kind == "register":
        return client.post("/api/auth/register", json=ANN | {"email": "eve@example.com"}, headers=IN_COOKIE)
    owner = sign_up(client)
    match kind:
        case "login":
            return client.post("/api/auth/login", json=ANN, headers=IN_COOKIE)
        case "link":
            body = {"token": invite(client, owner.headers, "agent", "bob@example.com"), "password": PASSWORD}
            return client.post("/api/auth/link", json=body, headers=IN_COOKIE)
        case _:
            passwords = {"currentPassword": PASSWORD, "newPassword": "another battery staple"}
            return client.post("/api/auth/password", json=passwords, headers=owner.headers | IN_COOKIE)


@pytest.mark.parametrize("kind", ["register", "login", "link", "password"])
def test_a_page_that_asks_for_it_gets_no_refresh_token_but_a_cookie_that_no_script_can_read(
    client: FlaskClient, kind: str
) -> None:
    answer: Any = _begin(client, kind)
    assert answer.json["refreshToken"] == ""
    cookie = re.sub(r"^hub_refresh=[\w.-]+; Expires=[^;]+", "", _refresh_cookie(answer))
    assert cookie == "; Max-Age=2592000; HttpOnly; Path=/api/auth; SameSite=Strict"
    renewed: Any = _refresh(client)
    assert (renewed.status_code, renewed.json["refreshToken"]) == (200, "")
    assert _refresh_cookie(renewed) != _refresh_cookie(answer)


def test_without_asking_nobody_gets_or_uses_the_cookie(client: FlaskClient) -> None:
    answer: Any = client.post("/api/auth/register", json=ANN)
    assert answer.json["refreshToken"]
    assert all(not cookie.startswith("hub_refresh=") for cookie in answer.headers.getlist("Set-Cookie"))
    client.post("/api/auth/login", json=ANN, headers=IN_COOKIE)
    refused: Any = client.post("/api/auth/refresh", json={})
    assert (refused.status_code, set(refused.json["fields"])) == (400, {"refreshToken"})


@pytest.mark.parametrize("origin", ["http://localhost:3000", "https://evil.example", "null"])
def test_no_page_of_another_origin_uses_the_cookie(client: FlaskClient, origin: str) -> None:
    client.post("/api/auth/register", json=ANN, headers=IN_COOKIE)
    assert _refresh(client, Origin=origin).status_code == 403
    assert _refresh(client, Origin="http://localhost").status_code == 200


def test_a_page_of_another_origin_is_refused_before_anything_is_done_for_it(client: FlaskClient) -> None:
    foreign = IN_COOKIE | {"Origin": "http://localhost:3000"}
    assert client.post("/api/auth/register", json=ANN, headers=foreign).status_code == 403
    owner = sign_up(client)
    body = {"token": invite(client, owner.headers, "agent", "bob@example.com"), "password": PASSWORD}
    assert client.post("/api/auth/link", json=body, headers=foreign).status_code == 403
    assert client.post("/api/auth/link", json=body, headers=IN_COOKIE).status_code == 200
    passwords = {"currentPassword": PASSWORD, "newPassword": "another battery staple"}
    assert client.post("/api/auth/password", json=passwords, headers=owner.headers | foreign).status_code == 403
    assert client.post("/api/auth/login", json=ANN, headers=IN_COOKIE).status_code == 200


def test_the_cookie_opens_nothing_but_a_new_session(client: FlaskClient) -> None:
    answer = client.post("/api/auth/register", json=ANN, headers=IN_COOKIE)
    token = _refresh_cookie(answer).partition(";")[0].partition("=")[2]
    assert client.get("/api/auth/me").status_code == 401
    assert client.get("/api/auth/me", headers={"Authorization": f"Bearer {token}"}).status_code == 401


def test_who_signs_out_loses_the_cookie_and_its_token_has_ended(client: FlaskClient) -> None:
    session: Any = client.post("/api/auth/register", json=ANN, headers=IN_COOKIE)
    token = _refresh_cookie(session).partition(";")[0].partition("=")[2]
    answer = client.post("/api/auth/logout", headers=account_of(session.json).headers)
    assert "Max-Age=0" in _refresh_cookie(answer)
    assert _refresh(client).status_code == 401
    assert client.post("/api/auth/refresh", json={"refreshToken": token}).status_code == 401


@pytest.mark.parametrize(("forwarded", "is_secure"), [("https", True), ("http", False)])
def test_the_cookie_stays_on_tls_where_there_is_tls(client: FlaskClient, forwarded: str, is_secure: bool) -> None:
    answer = client.post("/api/auth/register", json=ANN, headers=IN_COOKIE | {"X-Forwarded-Proto": forwarded})
    assert ("; Secure" in _refresh_cookie(answer)) is is_secure
