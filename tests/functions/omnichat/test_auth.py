"""Signing up and in, as a client sees it."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import jwt
import pytest
from flask.testing import FlaskClient
from pydantic import SecretStr

from functions.omnichat import auth
from shared.config import Settings
from shared.deps import Deps
from tests.apps import create_app
from tests.functions.omnichat.accounts import PASSWORD, account_of, client_of, me, sign_in, sign_up

SECRET = "a-secret-of-more-than-32-bytes-for-tests"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"jwt_secret": SecretStr(SECRET)})


@pytest.fixture
def client(deps: Deps) -> FlaskClient:
    return client_of(deps, auth.api)


def test_registration_makes_a_tenant_and_its_owner(client: FlaskClient) -> None:
    response = client.post(
        "/api/auth/register",
        json={"email": "Ann@Example.com", "password": PASSWORD, "name": "Ann", "tenantName": "Ann's shop"},
    )
    assert response.status_code == 201
    body = response.json
    assert body is not None
    assert set(body) == {"accessToken", "refreshToken", "user", "tenant"}
    assert set(body["user"]) == {"id", "email", "name", "role", "tenantId", "createdAt"}
    assert (body["user"]["email"], body["user"]["name"], body["user"]["role"]) == ("ann@example.com", "Ann", "owner")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", body["user"]["createdAt"])
    assert set(body["tenant"]) == {"id", "name"}
    assert body["tenant"]["name"] == "Ann's shop"


def test_no_answer_and_no_document_holds_the_password_or_a_token(client: FlaskClient, deps: Deps) -> None:
    account = sign_up(client)
    stored = ""
    for collection in ("users", "tenants", "emails", "refresh_tokens"):
        stored += repr(deps.store.find(collection).documents)
    assert PASSWORD not in stored
    assert account.refresh not in stored
    assert account.access not in stored
    assert "argon2id" in stored
    assert "argon2" not in me(client, account.access).text


def test_the_access_token_says_who_the_user_is(client: FlaskClient) -> None:
    account = sign_up(client)
    claims = jwt.decode(account.access, SECRET, algorithms=["HS256"])
    assert (claims["userId"], claims["tenantId"]) == (account.user_id, account.tenant_id)
    assert (claims["email"], claims["role"]) == ("ann@example.com", "owner")
    assert claims["exp"] - claims["iat"] == 15 * 60


def test_me_is_the_user_and_the_tenant(client: FlaskClient) -> None:
    account = sign_up(client)
    body = me(client, account.access).json
    assert body is not None
    assert set(body) == {"user", "tenantId"}
    assert body["user"]["id"] == account.user_id
    assert body["tenantId"] == account.tenant_id


def test_me_with_the_operators_key_is_nobody_in_the_default_tenant(deps: Deps) -> None:
    keyed = replace(deps, settings=deps.settings.model_copy(update={"api_key": SecretStr("the-key")}))
    assert me(create_app(keyed, [auth.api]).test_client(), "the-key").json == {"user": None, "tenantId": "default"}


@pytest.mark.parametrize("email", ["ann@example.com", "ANN@example.com", "  ann@example.com "])
def test_an_address_is_registered_once(client: FlaskClient, email: str) -> None:
    sign_up(client)
    response = client.post("/api/auth/register", json={"email": email, "password": PASSWORD})
    assert response.status_code == 409


def test_of_many_registrations_at_once_one_wins(client: FlaskClient, deps: Deps) -> None:
    def attempt(_: int) -> int:
        body = {"email": "ann@example.com", "password": PASSWORD}
        return client.application.test_client().post("/api/auth/register", json=body).status_code

    with ThreadPoolExecutor(10) as pool:
        statuses = sorted(pool.map(attempt, range(10)))
    assert statuses == [201] + [409] * 9
    assert [deps.store.count(name) for name in ("users", "tenants", "emails")] == [1, 1, 1]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        pytest.param({"email": "ann", "password": PASSWORD}, "email", id="no address"),
        pytest.param({"email": "a@b", "password": PASSWORD}, "email", id="no domain"),
        pytest.param({"email": "a b@c.de", "password": PASSWORD}, "email", id="a space"),
        pytest.param({"email": f"{'a' * 250}@b.cd", "password": PASSWORD}, "email", id="too long"),
        pytest.param({"email": "a\u202enna@b.cd", "password": PASSWORD}, "email", id="turned around"),
        pytest.param({"email": "a\u200bnn@b.cd", "password": PASSWORD}, "email", id="no width"),
        pytest.param({"email": "a\x07nn@b.cd", "password": PASSWORD}, "email", id="a bell"),
        pytest.param({"email": "ann@example.com", "password": "short12"}, "password", id="short password"),
        pytest.param({"email": "ann@example.com", "password": "x" * 1025}, "password", id="long password"),
        pytest.param({"email": "ann@example.com", "password": 12345678}, "password", id="number"),
        pytest.param({"email": "ann@example.com"}, "password", id="no password"),
        pytest.param({"password": PASSWORD}, "email", id="no email"),
    ],
)
def test_registration_says_which_field_is_wrong(client: FlaskClient, body: dict[str, Any], field: str) -> None:
    response = client.post("/api/auth/register", json=body)
    assert response.status_code == 400
    assert response.json is not None
    assert set(response.json["fields"]) == {field}


def test_a_browser_whose_session_has_ended_is_led_to_the_front_ends_page(client: FlaskClient) -> None:
    answer = client.get("/api/auth/login", headers={"Accept": "text/html,application/xhtml+xml"})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/#/login")
    for accept in ("application/json", "*/*"):
        refused = client.get("/api/auth/login", headers={"Accept": accept})
        assert (refused.status_code, refused.headers["Allow"]) == (405, "POST")


def test_login_answers_as_registration_does(client: FlaskClient) -> None:
    account = sign_up(client)
    response = sign_in(client, "ANN@example.com")
    assert response.status_code == 200
    again = account_of(response.json)
    assert (again.user_id, again.tenant_id) == (account.user_id, account.tenant_id)
    assert me(client, again.access).status_code == 200


def test_a_wrong_password_and_an_unknown_address_look_the_same(client: FlaskClient) -> None:
    sign_up(client)
    wrong, unknown = sign_in(client, password="wrong password"), sign_in(client, "bob@example.com")
    assert wrong.status_code == unknown.status_code == 401
    assert wrong.json["detail"] == unknown.json["detail"]
    assert wrong.headers["WWW-Authenticate"] == "Bearer"


def test_ten_wrong_passwords_close_the_account_for_a_while(client: FlaskClient, deps: Deps) -> None:
    sign_up(client)
    sign_up(client, "bob@example.com")
    assert [sign_in(client, password=f"wrong {n}").status_code for n in range(10)] == [401] * 10
    refused = sign_in(client)
    assert refused.status_code == 429
    assert refused.json["code"] == "too_many_requests"
    assert 0 < int(refused.headers["Retry-After"]) <= 15 * 60
    assert sign_in(client, "bob@example.com").status_code == 200
    assert sign_in(client_of(deps, auth.api, later=timedelta(minutes=16))).status_code == 200


def test_spellings_that_look_the_same_are_one_account(client: FlaskClient) -> None:
    sign_up(client, "rene\u0301@example.com")
    assert sign_in(client, "ren\u00e9@example.com").json["user"]["email"] == "ren\u00e9@example.com"
    again = client.post("/api/auth/register", json={"email": "REN\u00c9@example.com", "password": PASSWORD})
    assert again.status_code == 409


def test_wrong_passwords_from_another_address_keep_nobody_out(client: FlaskClient) -> None:
    sign_up(client)
    guess = {"email": "ann@example.com", "password": "wrong password"}
    elsewhere = {"REMOTE_ADDR": "203.0.113.7"}
    statuses = [client.post("/api/auth/login", json=guess, environ_base=elsewhere).status_code for _ in range(11)]
    assert statuses == [401] * 10 + [429]
    assert sign_in(client).status_code == 200


def test_an_unknown_address_is_closed_as_well(client: FlaskClient) -> None:
    statuses = [sign_in(client, "nobody@example.com").status_code for _ in range(11)]
    assert statuses == [401] * 10 + [429]


def test_wrong_passwords_at_once_are_all_counted(client: FlaskClient) -> None:
    sign_up(client)

    def guess(n: int) -> int:
        return int(sign_in(client.application.test_client(), password=f"wrong {n}").status_code)

    with ThreadPoolExecutor(8) as pool:
        statuses = sorted(pool.map(guess, range(16)))
    assert statuses == [401] * 10 + [429] * 6


def test_right_passwords_at_once_are_all_taken(client: FlaskClient) -> None:
    sign_up(client)
    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda _: sign_in(client.application.test_client()).status_code, range(16)))
    assert statuses == [200] * 16


def test_the_right_password_starts_the_count_anew(client: FlaskClient) -> None:
    sign_up(client)
    for _ in range(2):
        assert [sign_in(client, password="wrong password").status_code for _ in range(9)] == [401] * 9
        assert sign_in(client).status_code == 200
