"""Limits on signing in: who is refused for one account costs nobody else anything."""

from __future__ import annotations

from dataclasses import replace

import pytest
from flask.testing import FlaskClient

from functions.omnichat import auth
from shared.deps import Deps
from shared.documents import ids
from shared.security.buckets import Buckets, Rate
from shared.usecases.accounts import login_throttle
from shared.usecases.accounts.accounts import REGISTERING, SIGNING_IN
from shared.usecases.accounts.sign_ins import REFRESHES, WRONG_REFRESHES
from tests.apps import create_app
from tests.functions.omnichat.accounts import PASSWORD, account_of, refresh, sign_in, sign_up
from tests.overlaps import overlapping, overlaps


@pytest.fixture
def client(deps: Deps) -> FlaskClient:
    """A client of a hub whose buckets do not fill up again."""
    return create_app(replace(deps, buckets=Buckets(lambda: 0.0)), [auth.api]).test_client()


def _use_up(client: FlaskClient, rate: Rate) -> None:
    hub = client.application.extensions["hub"]

    while hub.buckets.take(rate, "127.0.0.1") == 0:
        pass


def test_wrong_passwords_for_one_account_keep_nobody_else_of_that_address_out(client: FlaskClient) -> None:
    ann, bob = sign_up(client), sign_up(client, "bob@example.com")
    statuses = [sign_in(client, password="wrong password").status_code for _ in range(2 * SIGNING_IN.per_minute)]
    assert set(statuses[:10]) == {401}
    assert set(statuses[10:]) == {429}
    assert sign_in(client, "bob@example.com").status_code == 200
    assert [refresh(client, account.refresh).status_code for account in (ann, bob)] == [200, 200]
    assert sign_up(client, "carl@example.com").tenant_id


def test_what_is_refused_lately_asks_the_store_no_more(client: FlaskClient, deps: Deps) -> None:
    statuses = [sign_in(client, "nobody@example.com").status_code for _ in range(11)]
    assert statuses == [401] * 10 + [429]
    deps.store.close()
    assert sign_in(client, "nobody@example.com").status_code == 429


def test_an_address_tries_only_so_many_passwords_for_whatever_accounts(client: FlaskClient) -> None:
    account = sign_up(client)
    _use_up(client, SIGNING_IN)
    assert sign_in(client).status_code == 429
    assert refresh(client, account.refresh).status_code == 200
    assert sign_up(client, "bob@example.com").tenant_id


def test_an_address_that_registered_too_often_still_signs_in(client: FlaskClient) -> None:
    sign_up(client)
    _use_up(client, REGISTERING)
    body = {"email": "bob@example.com", "password": PASSWORD}
    assert client.post("/api/auth/register", json=body).status_code == 429
    assert sign_in(client).status_code == 200


def test_wrong_refresh_tokens_keep_no_right_one_out(client: FlaskClient) -> None:
    account = sign_up(client)
    statuses = [refresh(client, "wrong").status_code for _ in range(WRONG_REFRESHES.per_minute + 5)]
    assert statuses == [401] * WRONG_REFRESHES.per_minute + [429] * 5
    assert refresh(client, account.refresh).status_code == 200


def test_one_session_is_refreshed_only_so_often_and_others_are_not_affected(client: FlaskClient) -> None:
    account, other = sign_up(client), sign_up(client, "bob@example.com")
    for _ in range(REFRESHES.per_minute):
        account = account_of(refresh(client, account.refresh).json)
    assert refresh(client, account.refresh).status_code == 429
    assert refresh(client, other.refresh).status_code == 200


def test_of_two_first_wrong_passwords_at_once_both_are_counted(deps: Deps) -> None:
    overlapped = overlapping(deps)
    client = create_app(overlapped, [auth.api]).test_client()
    sign_up(client)
    limits = login_throttle.limits(ids.email("ann@example.com"), "127.0.0.1")
    # In another process, for in one the second waits for the first.
    overlaps(overlapped).store.before_commit("login_failures", lambda: login_throttle.count_failure(deps, limits))
    statuses = [sign_in(client, password="wrong password").status_code for _ in range(10)]
    assert statuses == [401] * 9 + [429]
