"""Rate limits, by address, of operations that need no credential."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from flask.testing import FlaskClient
from pydantic import SecretStr
from werkzeug.test import TestResponse

from functions.omnichat.auth import api as auth
from functions.omnichat.link_pages import api as link_pages
from functions.webhooks.blueprint import api as webhooks
from shared.deps import Deps
from shared.domain.instances import ChannelType
from shared.http.limits import FORGED, LINKS
from shared.security.buckets import Buckets, Rate
from shared.usecases.instances import instances
from tests.apps import create_app
from tests.http.dialect import assert_failed

HOUR = 3600.0


class Clock:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def slow(deps: Deps, clock: Clock) -> Deps:
    """A hub whose rate limits use a stopped clock."""
    return replace(deps, buckets=Buckets(clock))


def test_a_bucket_gives_its_rate_at_once_and_then_steadily(clock: Clock) -> None:
    buckets, rate = Buckets(clock), Rate("test", per_minute=6)
    assert [buckets.take(rate, "a") for _ in range(6)] == [0] * 6
    assert buckets.take(rate, "a") == 10
    assert buckets.take(rate, "b") == 0
    clock.seconds = 9
    assert buckets.take(rate, "a") == pytest.approx(1)
    clock.seconds = 10
    assert buckets.take(rate, "a") == 0
    assert buckets.take(rate, "a") == pytest.approx(10)


def test_a_bucket_never_holds_more_than_its_rate(clock: Clock) -> None:
    buckets, rate = Buckets(clock), Rate("test", per_minute=3)
    buckets.take(rate, "a")
    clock.seconds = HOUR
    assert [bool(buckets.take(rate, "a")) for _ in range(4)] == [False, False, False, True]


def test_only_so_many_are_kept_and_the_one_unused_longest_begins_anew(clock: Clock) -> None:
    buckets, rate = Buckets(clock, size=2), Rate("test", per_minute=1)
    for key in ("a", "b", "a", "c"):
        buckets.take(rate, key)
    assert buckets.take(rate, "a") > 0
    assert buckets.take(rate, "b") == 0


def _open_link(client: FlaskClient, address: str = "203.0.113.9", **headers: str) -> TestResponse:
    path = "/api/auth/link?token=guess"
    return client.get(path, headers=headers, environ_overrides={"REMOTE_ADDR": address})


def _use_up(client: FlaskClient, **headers: str) -> None:
    for _ in range(LINKS.per_minute):
        assert _open_link(client, **headers).status_code == 401


def test_an_address_that_calls_too_often_is_told_when_to_try_again(slow: Deps, clock: Clock) -> None:
    client = create_app(slow, [link_pages]).test_client()
    _use_up(client)
    refused = _open_link(client)
    assert_failed(refused, 429, "too_many_requests")
    assert refused.headers["Retry-After"] == "1"
    assert _open_link(client, address="203.0.113.10").status_code == 401
    clock.seconds = 1
    assert _open_link(client).status_code == 401


def test_a_page_may_read_that_it_was_too_fast(slow: Deps) -> None:
    client = create_app(slow, [auth]).test_client()
    login = {"email": "ann@example.com", "password": "wrong password"}
    origin = {"Origin": "http://localhost:5173"}
    answers = [client.post("/api/auth/login", json=login, headers=origin) for _ in range(11)]
    assert answers[-1].status_code == 429
    assert answers[-1].headers["Access-Control-Allow-Origin"] == "http://localhost:5173"


@pytest.mark.parametrize(
    ("proxies", "forwarded", "same"),
    [
        (0, "198.51.100.{n}", True),
        (1, "198.51.100.{n}, 203.0.113.9", True),
        (1, "203.0.113.9, 198.51.100.{n}", False),
        (2, "198.51.100.{n}, 203.0.113.9, 192.0.2.1", True),
        (2, "198.51.100.{n}, 192.0.2.1", False),
        (3, "198.51.100.{n}, 192.0.2.1", True),
        (1, "not-an-address-{n}", True),
        (1, "2001:db8::{n}", True),
        (1, "2001:db8:0:{n}::1", False),
    ],
)
def test_the_address_is_the_one_that_our_own_proxies_added(
    slow: Deps, proxies: int, forwarded: str, same: bool
) -> None:
    behind = replace(slow, settings=slow.settings.model_copy(update={"trusted_proxies": proxies}))
    client = create_app(behind, [link_pages]).test_client()
    _use_up(client, **{"X-Forwarded-For": forwarded.format(n=1)})
    again = _open_link(client, **{"X-Forwarded-For": forwarded.format(n=2)})
    assert (again.status_code == 429) is same


def test_the_document_tells_of_the_limit(deps: Deps) -> None:
    document: Any = create_app(deps, [auth]).test_client().get("/api/v1/openapi.json").json
    answered = document["paths"]["/api/auth/login"]["post"]["responses"]
    assert answered["429"]["content"]["application/json"]["schema"]["$ref"] == "#/components/schemas/Error"


def test_a_forger_is_slowed_down_and_the_provider_never(slow: Deps) -> None:
    new = instances.NewInstance(
        channel_type=ChannelType.TELEGRAM_BOT, name="bot", config={"bot_token": "7:token", "webhook_secret": "right"}
    )
    created = instances.create(slow, "default", new, connect=False)
    client = create_app(slow, [webhooks]).test_client()

    def call(secret: str) -> int:
        path = f"/api/telegram/bot/webhook/{created.id}"
        headers = {"X-Telegram-Bot-Api-Secret-Token": secret}
        return client.post(path, json={"update_id": 1}, headers=headers).status_code

    assert {call("wrong") for _ in range(FORGED.per_minute)} == {401}
    assert call("wrong") == 429
    assert call("right") == 200


def test_who_guesses_the_word_for_metas_question_is_refused_and_slowed_down(slow: Deps) -> None:
    settings = slow.settings.model_copy(update={"facebook_verify_token": SecretStr("agreed")})
    client = create_app(replace(slow, settings=settings), [webhooks]).test_client()

    def verify(word: str) -> Any:
        query = {"hub.mode": "subscribe", "hub.verify_token": word, "hub.challenge": "1158201444"}
        return client.get("/api/facebook/webhook", query_string=query)

    refused = verify("guess")
    assert (refused.status_code, refused.json["code"]) == (403, "forbidden")
    assert {verify("guess").status_code for _ in range(FORGED.per_minute - 1)} == {403}
    assert verify("guess").status_code == 429
    assert verify("agreed").text == "1158201444"
