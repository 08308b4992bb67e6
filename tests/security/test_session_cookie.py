"""The cookie of a browser's session: who gets it, what it opens, and all that it does not open."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from pydantic import SecretStr
from werkzeug.datastructures import Headers
from werkzeug.test import TestResponse

from functions.hub.main import blueprints
from shared.deps import Deps
from shared.domain.messages import Attachment, MessageKind
from shared.ports.store import Create, Ref
from tests.apps import create_app, openapi
from tests.documents import a_message, an_instance
from tests.functions.omnichat.accounts import PASSWORD, Account, account_of, invite, refresh, sign_in, sign_up
from tests.stubs import Reply, Stub

PNG = b"\x89PNG\r\n\x1a\n" + b"picture" * 100
NEW = "another battery staple"


@pytest.fixture
def closed(deps: Deps) -> Deps:
    """A hub that nobody may call without a credential."""
    return replace(deps, settings=deps.settings.model_copy(update={"api_key": SecretStr("k" * 32)}))


@pytest.fixture
def client(closed: Deps) -> FlaskClient:
    """Who keeps no cookies of its own."""
    return create_app(closed, blueprints()).test_client(use_cookies=False)


def _set_cookies(answer: TestResponse) -> list[str]:
    return answer.headers.getlist("Set-Cookie")


def _cookie(answer: TestResponse) -> dict[str, str]:
    """The header by which a browser sends the cookie back."""
    return {"Cookie": _set_cookies(answer)[0].partition(";")[0]}


def _registered(client: FlaskClient, email: str = "ann@example.com") -> TestResponse:
    return client.post("/api/auth/register", json={"email": email, "password": PASSWORD})


def _linked(client: FlaskClient, owner: Account) -> TestResponse:
    token = invite(client, owner.headers, "agent", "bob@example.com")
    return client.post("/api/auth/link", json={"token": token, "password": PASSWORD})


def _changed_password(client: FlaskClient, owner: Account) -> TestResponse:
    body = {"currentPassword": PASSWORD, "newPassword": NEW}
    return client.post("/api/auth/password", json=body, headers=owner.headers)


@pytest.mark.parametrize(
    "begin",
    [
        lambda client, owner: _registered(client, "eve@example.com"),
        lambda client, owner: sign_in(client),
        lambda client, owner: refresh(client, owner.refresh),
        _linked,
        _changed_password,
    ],
    ids=["register", "login", "refresh", "link", "password"],
)
def test_whatever_begins_a_session_sets_a_cookie_that_scripts_and_other_sites_cannot_use(
    client: FlaskClient, begin: Callable[[FlaskClient, Account], TestResponse]
) -> None:
    cookies = _set_cookies(begin(client, sign_up(client)))
    assert [re.sub(r"^hub_session=[\w.-]+; Expires=[^;]+", "", cookie) for cookie in cookies] == [
        "; Max-Age=900; HttpOnly; Path=/socket.io; SameSite=Lax",
        "; Max-Age=900; HttpOnly; Path=/media; SameSite=Lax",
    ]


@pytest.mark.parametrize(
    ("changes", "headers", "is_secure"),
    [
        ({}, {}, False),
        ({}, {"X-Forwarded-Proto": "https"}, True),
        ({"environment": "production", "registration": "open"}, {}, True),
        ({"environment": "production", "registration": "open", "public_url": "http://hub.lan"}, {}, False),
    ],
)
def test_the_cookie_stays_on_tls_where_there_is_tls(
    closed: Deps, changes: dict[str, Any], headers: dict[str, str], is_secure: bool
) -> None:
    configured = replace(closed, settings=closed.settings.model_copy(update=changes))
    client = create_app(configured, blueprints()).test_client()
    answer = client.post(
        "/api/auth/register", json={"email": "ann@example.com", "password": PASSWORD}, headers=Headers(headers)
    )
    assert all(("; Secure" in cookie) is is_secure for cookie in _set_cookies(answer))


def test_who_signs_out_loses_the_cookie(client: FlaskClient) -> None:
    answer = client.post("/api/auth/logout", headers=sign_up(client).headers)
    cookies = [cookie for cookie in _set_cookies(answer) if cookie.startswith("hub_session=")]
    assert len(cookies) == 2
    assert all(cookie.startswith("hub_session=;") and "Max-Age=0" in cookie for cookie in cookies)


def test_the_cookie_opens_no_operation_but_a_files(closed: Deps, client: FlaskClient) -> None:
    cookie = _cookie(_registered(client))
    opened = []
    for path, methods in openapi(blueprints())["paths"].items():
        for method in methods:
            url = re.sub(r"\{\w+\}", "whatsapp", path)
            plain = client.open(url, method=method.upper(), json={} if method != "get" else None)
            with_cookie = client.open(url, method=method.upper(), json={} if method != "get" else None, headers=cookie)
            if plain.status_code in (401, 403) and with_cookie.status_code != plain.status_code:
                opened.append(f"{method.upper()} {path}")
    assert opened == ["GET /media/{attachment_id}"]


def test_the_cookie_is_no_token_and_no_token_is_a_cookie(client: FlaskClient) -> None:
    answer = _registered(client)
    value = _cookie(answer)["Cookie"].partition("=")[2]
    for header in ({"Authorization": f"Bearer {value}"}, {"X-API-Key": value}):
        assert client.get("/api/auth/me", headers=header).status_code == 401
    assert refresh(client, value).status_code == 401
    account = account_of(answer.json)
    for token in (account.access, account.refresh):
        assert client.get("/media/m1-0", headers={"Cookie": f"hub_session={token}"}).status_code == 401


@pytest.fixture
def picture(closed: Deps, client: FlaskClient, provider: Stub) -> tuple[str, TestResponse]:
    """The address of a picture that a customer of somebody sent, and their session."""
    provider.on("GET", "/cat", Reply(content=PNG, headers={"content-type": "image/png"}))
    session = _registered(client)
    tenant_id = account_of(session.json).tenant_id
    instance = an_instance("telegram_bot", tenant_id=tenant_id)
    attachment = Attachment(type=MessageKind.IMAGE, url=f"{provider.url}/cat", mime_type="image/png")
    message = a_message(tenant_id=tenant_id, attachments=[attachment])
    documents = {Ref("instances", "i1"): instance, Ref("messages", "m1"): message}
    closed.store.commit([Create(ref, document.model_dump()) for ref, document in documents.items()])
    return "/media/m1-0", session


def test_a_page_shows_a_picture_by_the_cookie_alone(client: FlaskClient, picture: tuple[str, TestResponse]) -> None:
    path, session = picture
    answer = client.get(path, headers=_cookie(session))
    assert (answer.status_code, answer.data) == (200, PNG)
    assert "Cookie" in answer.headers["Vary"]
    assert "private" in answer.headers["Cache-Control"]
    assert client.head(path, headers=_cookie(session)).status_code == 200
    assert client.get(path).status_code == 401


def test_a_wrong_token_is_not_made_up_for_by_the_cookie(client: FlaskClient, picture: tuple[str, TestResponse]) -> None:
    path, session = picture
    assert client.get(path, headers=_cookie(session) | {"Authorization": "Bearer wrong"}).status_code == 401


def test_another_tenants_picture_is_not_there(client: FlaskClient, picture: tuple[str, TestResponse]) -> None:
    stranger = _registered(client, "eve@example.com")
    assert client.get(picture[0], headers=_cookie(stranger)).status_code == 404


def test_no_link_to_a_picture_is_made_by_the_cookie(client: FlaskClient, picture: tuple[str, TestResponse]) -> None:
    path, session = picture
    assert client.post(f"{path}/links", json={}, headers=_cookie(session)).status_code == 401


@pytest.mark.parametrize("end", ["logout", "everywhere", "password", "time"])
def test_the_cookie_ends_with_its_session(
    closed: Deps, client: FlaskClient, picture: tuple[str, TestResponse], end: str
) -> None:
    path, session = picture
    assert client.get(path, headers=_cookie(session)).status_code == 200
    account, later = account_of(session.json), closed
    if end == "time":
        later = replace(closed, now=lambda: closed.now() + timedelta(minutes=16))
    elif end == "password":
        _changed_password(client, account)
    else:
        client.post("/api/auth/logout", json={"everywhere": end == "everywhere"}, headers=account.headers)
    afterwards = create_app(later, blueprints()).test_client(use_cookies=False)
    assert afterwards.get(path, headers=_cookie(session)).status_code == 401


def test_in_a_hub_that_is_open_the_cookie_says_who_looks(
    deps: Deps, client: FlaskClient, picture: tuple[str, TestResponse]
) -> None:
    path, session = picture
    elsewhere = replace(deps, settings=deps.settings.model_copy(update={"default_tenant_id": "another"}))
    open_client = create_app(elsewhere, blueprints()).test_client(use_cookies=False)
    assert open_client.get(path).status_code == 404
    assert open_client.get(path, headers=_cookie(session)).status_code == 200
