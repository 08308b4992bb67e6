"""Accounts below HTTP: the clock, the store, and which clients the socket server accepts."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from datetime import timedelta

import pytest

from shared.deps import Deps
from shared.documents import ids
from shared.domain.accounts import Device, Principal, Role
from shared.errors import BadRequest, TooManyRequests, Unauthorized
from shared.ports.store import Delete, Merge, Ref
from shared.usecases.accounts import accounts, login_throttle, sign_ins
from shared.usecases.accounts.credentials import authenticate

PASSWORD = "correct horse battery"


def _at(deps: Deps, minutes: float) -> Deps:
    return replace(deps, now=lambda: deps.now() + timedelta(minutes=minutes))


def _register(deps: Deps) -> sign_ins.Session:
    return accounts.register(deps, "ann@example.com", PASSWORD)


def test_a_token_and_a_key_are_told_apart_without_http(deps: Deps) -> None:
    session = _register(deps)
    principal = authenticate(deps, session.access_token)
    assert principal == Principal(
        session.tenant.id,
        Role.OWNER,
        session.user.id,
        "ann@example.com",
        frozenset({"secrets:read"}),
        answerable=session.user.id,
        sign_in_id=principal.sign_in_id,
        credential_id=session.user.id,
        name="ann@example.com",
    )
    with pytest.raises(Unauthorized):
        authenticate(deps, session.refresh_token)
    with pytest.raises(Unauthorized):
        authenticate(deps, "unknown")


def test_authenticating_does_not_load_the_web_framework() -> None:
    code = "import sys, shared.usecases.accounts.credentials; print('flask' in sys.modules, 'jwt' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert run.stdout.split() == ["False", "False"]


@pytest.mark.parametrize("password", ["x" * 8, "x" * 1024], ids=["the shortest", "the longest"])
def test_the_shortest_and_the_longest_password_are_taken(deps: Deps, password: str) -> None:
    accounts.register(deps, "ann@example.com", password)
    accounts.login(deps, "ann@example.com", password)


@pytest.mark.parametrize("password", ["short12", "x" * 1025])
def test_a_password_is_measured_whoever_asks(deps: Deps, password: str) -> None:
    with pytest.raises(BadRequest, match="password"):
        accounts.register(deps, "ann@example.com", password)


@pytest.mark.parametrize(
    ("name", "tenant_name", "expected"), [(None, None, "ann"), ("Ann", None, "Ann"), ("Ann", "Shop", "Shop")]
)
def test_a_tenant_gets_the_best_name_there_is(
    deps: Deps, name: str | None, tenant_name: str | None, expected: str
) -> None:
    assert accounts.register(deps, "ann@example.com", PASSWORD, name, tenant_name).tenant.name == expected


def test_wrong_passwords_are_counted_over_any_fifteen_minutes(deps: Deps) -> None:
    _register(deps)
    for minute in (0, 0, 0, 0, 0, 14, 14, 14, 14, 14):
        with pytest.raises(Unauthorized):
            accounts.login(_at(deps, minute), "ann@example.com", "wrong password")
    with pytest.raises(TooManyRequests) as refused:
        accounts.login(_at(deps, 14.5), "ann@example.com", PASSWORD)
    assert 0 < refused.value.retry_after <= 60
    for _ in range(5):
        with pytest.raises(Unauthorized):
            accounts.login(_at(deps, 15.5), "ann@example.com", "wrong password")
    with pytest.raises(TooManyRequests):
        accounts.login(_at(deps, 15.5), "ann@example.com", PASSWORD)


def test_wrong_passwords_from_elsewhere_do_not_keep_the_owner_out(deps: Deps) -> None:
    _register(deps)
    for _ in range(10):
        with pytest.raises(Unauthorized):
            accounts.login(deps, "ann@example.com", "wrong password", Device("203.0.113.7"))
    with pytest.raises(TooManyRequests):
        accounts.login(deps, "ann@example.com", PASSWORD, Device("203.0.113.7"))
    assert accounts.login(deps, "ann@example.com", PASSWORD, Device("198.51.100.1"))[0].user.email == "ann@example.com"


def test_wrong_passwords_from_many_addresses_close_the_account_for_a_while(deps: Deps) -> None:
    account = ids.email("ann@example.com")
    _register(deps)
    for number in range(100):
        login_throttle.count_failure(deps, login_throttle.limits(account, f"203.0.113.{number // 10}"))
    with pytest.raises(TooManyRequests):
        accounts.login(deps, "ann@example.com", PASSWORD, Device("198.51.100.1"))
    accounts.login(_at(deps, 15.1), "ann@example.com", PASSWORD, Device("198.51.100.1"))


def test_a_refused_attempt_does_not_make_the_wait_longer(deps: Deps) -> None:
    _register(deps)
    for _ in range(10):
        with pytest.raises(Unauthorized):
            accounts.login(deps, "ann@example.com", "wrong password")
    for minute in (5, 10, 14):
        with pytest.raises(TooManyRequests):
            accounts.login(_at(deps, minute), "ann@example.com", "wrong password")
    accounts.login(_at(deps, 15.1), "ann@example.com", PASSWORD)


def test_a_refreshed_token_says_what_the_user_is_now(deps: Deps) -> None:
    session = _register(deps)
    deps.store.commit([Merge(Ref("users", session.user.id), {"role": "viewer"})])
    refreshed = sign_ins.refresh(deps, session.refresh_token)
    assert authenticate(deps, refreshed.access_token).role is Role.VIEWER


def test_a_user_who_is_gone_cannot_refresh(deps: Deps) -> None:
    session = _register(deps)
    deps.store.commit([Delete(Ref("users", session.user.id))])
    with pytest.raises(Unauthorized):
        sign_ins.refresh(deps, session.refresh_token)
    with pytest.raises(Unauthorized):
        authenticate(deps, session.access_token)
    with pytest.raises(Unauthorized):
        accounts.login(deps, "ann@example.com", PASSWORD)
