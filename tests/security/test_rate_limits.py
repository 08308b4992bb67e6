"""Limits on what callers with a credential ask: for each key, for each tenant, over all processes."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from flask.testing import FlaskClient

from functions.dashboard.main import blueprints as dashboard
from functions.omnichat.main import blueprints as omnichat
from shared.deps import Deps
from shared.domain.accounts import Principal, Role
from shared.errors import TooManyRequests
from shared.security.buckets import Buckets
from shared.usecases.accounts import rate_limits
from tests.apps import create_app
from tests.functions.keys import key_for

PER_KEY, PER_TENANT = 80, 200


def _limited(deps: Deps, **settings: object) -> Deps:
    """A process of its own, whose buckets do not fill up again."""
    limits = {"rate_limit_key": PER_KEY, "rate_limit_tenant": PER_TENANT, "anonymous_tenant": "acme", **settings}
    return replace(deps, settings=deps.settings.model_copy(update=limits), buckets=Buckets(lambda: 0.0))


@pytest.fixture
def client(deps: Deps) -> FlaskClient:
    return create_app(_limited(deps), [*omnichat(), *dashboard()]).test_client()


def _answered(client: FlaskClient, headers: dict[str, str], path: str = "/api/auth/me", address: str = "") -> int:
    """How many calls in a row are answered."""
    environ = {"REMOTE_ADDR": address or "203.0.113.9"}
    for number in range(PER_TENANT + 10):
        answer = client.get(path, headers=headers, environ_overrides=environ)
        if answer.status_code == 429:
            assert int(answer.headers["Retry-After"]) >= 1
            return number
        assert answer.status_code == 200
    raise AssertionError("there is no limit")


def test_one_key_cannot_ask_for_what_belongs_to_the_others(client: FlaskClient, deps: Deps) -> None:
    keys = [key_for(deps, "acme", Role.AGENT) for _ in range(2)]
    assert [_answered(client, key) for key in keys] == [PER_KEY, PER_KEY]


def test_a_tenant_has_a_limit_for_all_of_its_keys_and_others_have_their_own(client: FlaskClient, deps: Deps) -> None:
    keys = [key_for(deps, "acme", Role.AGENT) for _ in range(4)]
    assert [_answered(client, key) for key in keys] == [PER_KEY, PER_KEY, PER_TENANT - 2 * PER_KEY, 0]
    assert _answered(client, key_for(deps, "other", Role.AGENT)) == PER_KEY


def test_it_does_not_matter_at_which_door_a_key_asks(client: FlaskClient, deps: Deps) -> None:
    key = key_for(deps, "acme", Role.AGENT)
    assert _answered(client, key) == PER_KEY
    assert _answered(client, key, "/sessions/active") == 0


def test_who_shows_no_credential_takes_nothing_from_the_tenants_own(client: FlaskClient, deps: Deps) -> None:
    strangers = [_answered(client, {}, "/sessions/active", f"203.0.113.{n}") for n in range(4)]
    assert strangers == [PER_KEY, PER_KEY, PER_TENANT - 2 * PER_KEY, 0]
    assert _answered(client, key_for(deps, "acme", Role.AGENT)) == PER_KEY


def _spend(deps: Deps, calls: int, caller: str = "key") -> int:
    principal = Principal("acme", Role.AGENT, credential_id=caller)
    for number in range(calls):
        try:
            rate_limits.charge(deps, principal, "")
        except TooManyRequests:
            return number
    return calls


def test_processes_share_a_callers_rate(deps: Deps) -> None:
    processes = [_limited(deps, backend="google") for _ in range(4)]
    spent = [_spend(process, PER_KEY) for process in processes]
    share = PER_KEY // rate_limits.SHARES + 1
    assert spent[0] == PER_KEY
    assert PER_KEY <= sum(spent) <= PER_KEY + len(processes) * share
    assert _spend(processes[1], 1, "another key") == 1


def test_processes_that_take_turns_count_nothing_twice(deps: Deps) -> None:
    processes = [_limited(deps, backend="google") for _ in range(2)]
    share = PER_KEY // rate_limits.SHARES + 1
    spent = sum(_spend(process, share) for _ in range(3) for process in processes)
    assert spent == 6 * share


def test_what_others_spent_in_an_earlier_minute_is_forgotten(deps: Deps) -> None:
    first, second = (_limited(deps, backend="google") for _ in range(2))
    assert _spend(first, PER_KEY) == PER_KEY
    later = replace(second, now=lambda: deps.now() + timedelta(minutes=2))
    assert _spend(later, PER_KEY) == PER_KEY


def test_what_was_spent_is_kept_for_some_minutes(deps: Deps) -> None:
    began = deps.now()
    _spend(_limited(deps, backend="google"), PER_KEY)
    lifetimes = {document.data["expires_at"] - began for document in deps.store.find("rate_usage").documents}
    assert all(timedelta(minutes=5) <= each <= timedelta(minutes=6) for each in lifetimes)
    assert lifetimes


def test_little_traffic_costs_no_round_trip_and_one_machine_never_any(deps: Deps) -> None:
    _spend(_limited(deps, backend="google"), PER_KEY // rate_limits.SHARES)
    _spend(_limited(deps), PER_KEY)
    assert deps.store.count("rate_usage") == 0


def test_a_store_that_does_not_answer_keeps_nobody_out(deps: Deps) -> None:
    process = _limited(deps, backend="google")
    deps.store.close()
    assert _spend(process, PER_KEY + 1) == PER_KEY
