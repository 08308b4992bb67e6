"""Which webhooks are believed to come from the instance's own server."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import jwt
import pytest

from shared.channels.whatsapp_evolution import webhook as webhook_module
from shared.config import Settings
from shared.errors import SignatureInvalid
from tests.channels.golden import webhook
from tests.channels.whatsapp_evolution.samples import body, config

SECRET = "made-by-the-hub-at-connect"
JWT_KEY = "a-key-that-is-long-enough-for-hs256"

LENIENT = Settings(webhook_strict=False)
STRICT = Settings(webhook_strict=True)
REGISTERED = {"webhook_secret": SECRET}


def token(key: str = JWT_KEY, age: int = 0) -> str:
    issued = int(time.time()) - age
    claims = {"iat": issued, "exp": issued + 600, "app": "evolution", "action": "webhook"}
    return jwt.encode(claims, key, algorithm="HS256")


def verify(
    config_fields: Mapping[str, Any], settings: Settings = STRICT, apikey: str | None = None, **call: Any
) -> None:
    what = webhook(body("messages.upsert", {}, apikey=apikey), **call)
    webhook_module.verify(what, config(evolution_key="GLOBAL-KEY", **config_fields), settings)


@pytest.mark.parametrize(
    ("config_fields", "call"),
    [
        (REGISTERED, {"headers": {"x-hub-webhook-secret": SECRET}}),
        (REGISTERED, {"headers": {"authorization": f"Bearer {SECRET}"}}),
        (REGISTERED, {"headers": {"authorization": f"bearer {SECRET}"}}),
        (REGISTERED, {"query": {"token": SECRET}}),
        (REGISTERED, {"query": {"token": f"{SECRET}/messages-upsert"}}),
        (REGISTERED, {"apikey": "GLOBAL-KEY"}),
        (REGISTERED | {"instance_token": "TOKEN"}, {"apikey": "TOKEN"}),
        ({}, {"apikey": "GLOBAL-KEY"}),
        ({"jwt_key": JWT_KEY}, {"headers": {"authorization": f"Bearer {token()}"}}),
        ({"jwt_key": JWT_KEY}, {"headers": {"authorization": f"Bearer {token(age=1200)}"}}),
        (REGISTERED, {"headers": {"authorization": "Basic cHJveHk6eA=="}, "query": {"token": SECRET}}),
        (REGISTERED, {"headers": {"x-hub-webhook-secret": SECRET, "authorization": "Bearer proxy"}}),
    ],
    ids=[
        *("header", "bearer", "bearer in lower case", "query", "query with the event appended", "body: global key"),
        *("body: instance token", "body, nothing registered", "jwt", "jwt of a late retry", "query behind a proxy"),
        "header behind a proxy",
    ],
)
def test_any_proof_is_enough_even_when_strict(config_fields: dict[str, Any], call: dict[str, Any]) -> None:
    verify(config_fields, **call)


@pytest.mark.parametrize("settings", [LENIENT, STRICT], ids=["lenient", "strict"])
@pytest.mark.parametrize(
    ("config_fields", "call"),
    [
        (REGISTERED, {"headers": {"x-hub-webhook-secret": "guess"}}),
        (REGISTERED, {"headers": {"x-hub-webhook-secret": ""}}),
        (REGISTERED, {"headers": {"x-hub-webhook-secret": "guess"}, "apikey": "GLOBAL-KEY"}),
        (REGISTERED, {"headers": {"authorization": "Bearer guess"}}),
        (REGISTERED, {"headers": {"authorization": "Bearer "}}),
        (REGISTERED, {"headers": {"authorization": f"Bearer {token()}"}}),
        ({"jwt_key": JWT_KEY}, {"headers": {"authorization": f"Bearer {token('other' * 10)}"}}),
        ({"jwt_key": JWT_KEY}, {"headers": {"authorization": f"Bearer {token(age=7200)}"}}),
        ({"jwt_key": JWT_KEY}, {}),
        (REGISTERED, {"query": {"token": "guess"}}),
        (REGISTERED, {"query": {"token": ""}}),
        (REGISTERED, {"apikey": "guess"}),
        (REGISTERED, {}),
    ],
)
def test_a_wrong_or_missing_proof_is_refused_where_one_was_agreed_on(
    config_fields: dict[str, Any], call: dict[str, Any], settings: Settings
) -> None:
    with pytest.raises(SignatureInvalid) as refusal:
        verify(config_fields, settings, **call)
    assert SECRET not in refusal.value.detail


@pytest.mark.parametrize("call", [{}, {"apikey": "somebody's"}, {"headers": {"authorization": "Bearer own proxy"}}])
def test_an_instance_made_by_hand_works_unless_strict(call: dict[str, Any]) -> None:
    verify({}, LENIENT, **call)
    with pytest.raises(SignatureInvalid, match="WEBHOOK_STRICT"):
        verify({}, STRICT, **call)


def test_an_empty_secret_counts_as_none() -> None:
    verify({"webhook_secret": "", "jwt_key": ""}, LENIENT)
    with pytest.raises(SignatureInvalid):
        verify({"webhook_secret": ""}, STRICT, headers={"x-hub-webhook-secret": ""})


@pytest.mark.parametrize("raw", [b"", b"[" * 100_000, b'{"apikey": 5}', b'{"apikey": null}'])
def test_a_body_that_cannot_be_read_proves_nothing(raw: bytes) -> None:
    with pytest.raises(SignatureInvalid):
        webhook_module.verify(webhook(raw), config(evolution_key="GLOBAL-KEY"), STRICT)
