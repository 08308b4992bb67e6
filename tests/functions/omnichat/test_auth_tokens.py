"""What access and refresh tokens are good for, and for how long."""

from __future__ import annotations

import base64
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import jwt
import pytest
from flask.testing import FlaskClient
from pydantic import SecretStr

from functions.omnichat import auth
from shared.bootstrap import bootstrap, close
from shared.config import Settings
from shared.deps import Deps
from shared.ports.store import Delete
from tests.apps import create_app
from tests.functions.omnichat.accounts import Account, account_of, client_of, me, refresh, sign_in, sign_up
from tests.index_check import stored_in
from tests.overlaps import overlaps

SECRET = "a-secret-of-more-than-32-bytes-for-tests"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"jwt_secret": SecretStr(SECRET)})


@pytest.fixture
def client(deps: Deps) -> FlaskClient:
    return client_of(deps, auth.api)


def test_refreshing_gives_new_tokens(client: FlaskClient) -> None:
    account = sign_up(client)
    response = refresh(client, account.refresh)
    assert response.status_code == 200
    fresh = account_of(response.json)
    assert fresh.refresh != account.refresh
    assert (fresh.user_id, fresh.tenant_id) == (account.user_id, account.tenant_id)
    assert me(client, fresh.access).status_code == 200
    assert refresh(client, fresh.refresh).status_code == 200


def test_two_tabs_may_refresh_with_the_same_token(client: FlaskClient) -> None:
    account = sign_up(client)
    first, second = (account_of(refresh(client, account.refresh).json) for _ in range(2))
    assert first.refresh != second.refresh
    assert refresh(client, first.refresh).status_code == 200
    assert refresh(client, second.refresh).status_code == 200


def test_a_spent_token_used_late_ends_its_whole_family(client: FlaskClient, deps: Deps) -> None:
    account = sign_up(client)
    other = account_of(sign_in(client).json)
    child = account_of(refresh(client, account.refresh).json)
    late = client_of(deps, auth.api, later=timedelta(seconds=11))
    assert refresh(late, account.refresh).status_code == 401
    assert refresh(late, child.refresh).status_code == 401
    assert refresh(late, other.refresh).status_code == 200


def test_a_copied_token_cannot_be_kept_alive_by_refreshing_in_turns(client: FlaskClient, deps: Deps) -> None:
    account = sign_up(client)
    thief = account_of(refresh(client, account.refresh).json)
    owner = account_of(refresh(client, account.refresh).json)
    late = client_of(deps, auth.api, later=timedelta(seconds=11))
    assert refresh(late, owner.refresh).status_code == 200
    assert refresh(late, account.refresh).status_code == 401
    assert refresh(late, thief.refresh).status_code == 401


def test_using_a_spent_token_does_not_make_its_grace_longer(client: FlaskClient, deps: Deps) -> None:
    account = sign_up(client)
    for seconds in (0, 4, 8):
        again = client_of(deps, auth.api, later=timedelta(seconds=seconds))
        assert refresh(again, account.refresh).status_code == 200
    assert refresh(client_of(deps, auth.api, later=timedelta(seconds=12)), account.refresh).status_code == 401


def test_of_two_tabs_that_spend_a_token_at_once_the_first_one_begins_its_grace(client: FlaskClient, deps: Deps) -> None:
    account = sign_up(client)

    def the_other_tab_is_faster() -> None:
        assert refresh(client, account.refresh).status_code == 200
        overlaps(deps).clock.advance(seconds=9)

    overlaps(deps).store.after_read("refresh_tokens", the_other_tab_is_faster)
    assert refresh(client, account.refresh).status_code == 200
    assert overlaps(deps).all_happened
    overlaps(deps).clock.advance(seconds=2)
    assert refresh(client, account.refresh).status_code == 401


def test_a_token_whose_family_ends_meanwhile_is_refused(client: FlaskClient, deps: Deps) -> None:
    account = sign_up(client)
    child = account_of(refresh(client, account.refresh).json)
    overlaps(deps).clock.advance(seconds=11)

    def the_copy_is_noticed() -> None:
        assert refresh(client, account.refresh).status_code == 401

    overlaps(deps).store.before_commit("refresh_tokens", the_copy_is_noticed)
    assert refresh(client, child.refresh).status_code == 401
    assert overlaps(deps).all_happened


def test_a_login_that_is_refreshed_lasts_longer_than_its_first_token(client: FlaskClient, deps: Deps) -> None:
    account = sign_up(client)
    for _ in range(3):
        overlaps(deps).clock.advance(days=20)
        _let_go_of_what_has_expired(deps)
        account = account_of(refresh(client, account.refresh).json)


def _let_go_of_what_has_expired(deps: Deps) -> None:
    """As Firestore does by the time in `expires_at`."""
    documents = stored_in(deps).find("refresh_tokens").documents
    deletions = [Delete(document.ref) for document in documents if document.data["expires_at"] <= deps.now()]
    deps.store.commit(deletions)


def test_a_refresh_token_grows_old(client: FlaskClient, deps: Deps) -> None:
    account = sign_up(client)
    assert refresh(client_of(deps, auth.api, later=timedelta(days=29)), account.refresh).status_code == 200
    assert refresh(client_of(deps, auth.api, later=timedelta(days=31)), account.refresh).status_code == 401


def test_an_access_token_grows_old(client: FlaskClient, deps: Deps) -> None:
    account = sign_up(client)
    assert me(client_of(deps, auth.api, later=timedelta(minutes=14)), account.access).status_code == 200
    assert me(client_of(deps, auth.api, later=timedelta(minutes=16)), account.access).status_code == 401


def test_the_kinds_of_token_are_not_mixed_up(client: FlaskClient) -> None:
    account = sign_up(client)
    assert me(client, account.refresh).status_code == 401
    assert refresh(client, account.access).status_code == 401


def _part(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def _forgeries(account: Account) -> dict[str, str]:
    claims = jwt.decode(account.access, SECRET, algorithms=["HS256"])
    head, body, signature = account.access.split(".")
    return {
        "no signature": f"{_part({'alg': 'none', 'typ': 'JWT'})}.{body}.",
        "none in capitals": f"{_part({'alg': 'NONE', 'typ': 'JWT'})}.{body}.{signature}",
        "wrong key": jwt.encode(claims, "another-secret-of-more-than-32-bytes!!", algorithm="HS256"),
        "other algorithm": jwt.encode(claims, SECRET * 2, algorithm="HS512"),
        "other tenant": f"{head}.{_part(claims | {'tenantId': 'theirs'})}.{signature}",
        "no tenant": jwt.encode({k: v for k, v in claims.items() if k != "tenantId"}, SECRET, algorithm="HS256"),
        "no expiry": jwt.encode({k: v for k, v in claims.items() if k != "exp"}, SECRET, algorithm="HS256"),
        "unknown role": jwt.encode(claims | {"role": "root"}, SECRET, algorithm="HS256"),
        "a path as tenant": jwt.encode(claims | {"tenantId": "a/b"}, SECRET, algorithm="HS256"),
        "cut off": account.access[:-4],
        "empty parts": "..",
    }


@pytest.mark.parametrize(
    "kind",
    [
        "no signature",
        "none in capitals",
        "wrong key",
        "other algorithm",
        "other tenant",
        "no tenant",
        "no expiry",
        "unknown role",
        "a path as tenant",
        "cut off",
        "empty parts",
    ],
)
def test_a_forged_token_is_refused(client: FlaskClient, kind: str) -> None:
    response = me(client, _forgeries(sign_up(client))[kind])
    assert response.status_code == 401
    assert response.json is not None
    assert response.json["detail"] == "Invalid or expired token"


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "x" * 5000, 7, None])
def test_a_refresh_token_that_is_none_is_refused(client: FlaskClient, token: object) -> None:
    response = client.post("/api/auth/refresh", json={"refreshToken": token})
    assert response.status_code == (401 if isinstance(token, str) and token else 400)


def test_a_tampered_refresh_token_ends_nothing(client: FlaskClient) -> None:
    account = sign_up(client)
    claims = jwt.decode(account.refresh, SECRET, algorithms=["HS256"])
    forged = jwt.encode(claims, "another-secret-of-more-than-32-bytes!!", algorithm="HS256")
    assert refresh(client, forged).status_code == 401
    assert refresh(client, account.refresh).status_code == 200


def test_refresh_tokens_may_have_a_secret_of_their_own(deps: Deps) -> None:
    own = SecretStr("a-separate-secret-for-refreshing-tokens!")
    changed = replace(deps, settings=deps.settings.model_copy(update={"jwt_refresh_secret": own}))
    client = create_app(changed, [auth.api]).test_client()
    account = sign_up(client)
    jwt.decode(account.refresh, own.get_secret_value(), algorithms=["HS256"])
    assert refresh(client, account.refresh).status_code == 200


def test_without_a_configured_secret_tokens_outlive_a_restart(deps: Deps, settings: Settings) -> None:
    unset = settings.model_copy(update={"jwt_secret": None})
    account = sign_up(create_app(replace(deps, settings=unset), [auth.api]).test_client())
    restarted = bootstrap(unset)
    try:
        client = create_app(restarted, [auth.api]).test_client()
        assert me(client, account.access).status_code == 200
        assert refresh(client, account.refresh).status_code == 200
    finally:
        close(restarted)


def test_the_generated_secret_is_made_once_by_all_threads(deps: Deps, settings: Settings) -> None:
    app = create_app(replace(deps, settings=settings.model_copy(update={"jwt_secret": None})), [auth.api])
    with ThreadPoolExecutor(8) as pool:
        accounts = list(pool.map(lambda n: sign_up(app.test_client(), f"u{n}@example.com"), range(8)))
    assert [me(app.test_client(), account.access).status_code for account in accounts] == [200] * 8
