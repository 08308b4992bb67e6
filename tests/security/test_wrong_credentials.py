"""Who shows wrong keys and tokens is slowed down, whoever shows right ones is not."""

from __future__ import annotations

from dataclasses import replace

import pytest
from flask.testing import FlaskClient
from pydantic import SecretStr
from werkzeug.test import TestResponse

from functions.hub.main import blueprints
from shared.deps import Deps
from shared.domain.accounts import Role
from shared.http.limits import WRONG_CREDENTIALS
from shared.security.buckets import Buckets
from tests.apps import create_app
from tests.functions.keys import key_for

KEY = "the-operators-own-key-of-32-characters"


@pytest.fixture
def client(deps: Deps) -> FlaskClient:
    """A client of a hub with a key, whose buckets do not fill up again."""
    settings = deps.settings.model_copy(update={"api_key": SecretStr(KEY)})
    return create_app(replace(deps, settings=settings, buckets=Buckets(lambda: 0.0)), blueprints()).test_client()


def _call(client: FlaskClient, path: str, headers: dict[str, str], address: str = "203.0.113.9") -> TestResponse:
    return client.get(path, headers=headers, environ_overrides={"REMOTE_ADDR": address})


DOORS = ["/api/channels", "/api/v1/instances", "/sessions/active", "/api/forge/config"]
GUESSES = ["X-API-Key: guess{n}", "Authorization: Bearer omh_{n}", "Authorization: Bearer a.b.c{n}"]


@pytest.mark.parametrize(
    ("path", "header"), [*((door, GUESSES[0]) for door in DOORS), *((DOORS[0], guess) for guess in GUESSES[1:])]
)
def test_who_guesses_is_slowed_down_at_every_door(client: FlaskClient, deps: Deps, path: str, header: str) -> None:
    name, _, value = header.partition(": ")
    statuses = [
        _call(client, path, {name: value.format(n=n)}).status_code for n in range(WRONG_CREDENTIALS.per_minute + 5)
    ]
    assert statuses == [401] * WRONG_CREDENTIALS.per_minute + [429] * 5
    refused = _call(client, path, {"X-API-Key": "guess"})
    assert refused.headers["Retry-After"] == "1"
    right = [{"X-API-Key": KEY}, key_for(deps, "default", Role.ADMIN)]
    assert [_call(client, path, headers).status_code for headers in right] == [200, 200]
    assert _call(client, path, {name: value.format(n=0)}, "203.0.113.10").status_code == 401


def test_what_was_guessed_at_one_door_counts_at_all(client: FlaskClient) -> None:
    for _ in range(WRONG_CREDENTIALS.per_minute):
        _call(client, "/api/channels", {"X-API-Key": "guess"})
    assert _call(client, "/sessions/active", {"X-API-Key": "guess"}).status_code == 429
    assert _call(client, "/sessions/active", {}).status_code == 401
