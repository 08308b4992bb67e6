"""Who may push: only a caller with a token of Google's own, for this hub, of the one account."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from shared.config import Settings
from shared.errors import Forbidden, ProviderUnavailable, Unauthorized
from shared.http.google_callers import fetch_certificates
from shared.outgoing import Outgoing
from shared.security.google_tokens import GoogleTokens
from tests.stubs import Reply, Stub

AUDIENCE = "https://hub.example"
ACCOUNT = "push@hub.iam.gserviceaccount.com"
KEYS = {name: rsa.generate_private_key(65537, 2048) for name in ("first", "second")}
CERTS = "/oauth2/v3/certs"


class Clock:
    def __init__(self) -> None:
        self.now = time.time()

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def tokens(provider: Stub, clock: Clock) -> Iterator[GoogleTokens]:
    """Over a Google that has published the first key, and lets it be kept for an hour."""
    publish(provider, "first")
    http = Outgoing(Settings())
    yield GoogleTokens(lambda: fetch_certificates(http, provider.url + CERTS), clock, clock)
    http.close()


def publish(provider: Stub, *names: str) -> None:
    published = [
        json.loads(RSAAlgorithm.to_jwk(KEYS[name].public_key())) | {"kid": name, "use": "sig"} for name in names
    ]
    headers = {"Cache-Control": "public, max-age=3600, must-revalidate"}
    provider.on("GET", CERTS, Reply(json={"keys": published}, headers=headers))


def token(clock: Clock, key: str = "first", kid: str | None = None, **claims: Any) -> str:
    usual = {
        "iss": "https://accounts.google.com",
        "aud": AUDIENCE,
        "email": ACCOUNT,
        "email_verified": True,
        "iat": int(clock.now) - 600,
        "exp": int(clock.now) + 3000,
        "sub": "113774264463038321964",
    }
    return jwt.encode(usual | claims, KEYS[key], algorithm="RS256", headers={"kid": kid or key})


def test_a_token_of_googles_for_us_and_the_account_is_taken_and_certificates_are_fetched_once(
    tokens: GoogleTokens, provider: Stub, clock: Clock
) -> None:
    for _ in range(5):
        tokens.verify(token(clock), AUDIENCE, ACCOUNT)
    assert len(provider.to(CERTS)) == 1


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "https://other.example"},
        {"iss": "https://accounts.example"},
        {"exp": 1},
        {"exp": None},
        {"iat": 2_000_000_000_000},
        {"aud": [AUDIENCE, "https://other.example"]},
    ],
    ids=["audience", "issuer", "expired", "without an end", "of the future", "several audiences"],
)
def test_a_token_that_says_something_else_is_refused(
    tokens: GoogleTokens, clock: Clock, claims: dict[str, Any]
) -> None:
    with pytest.raises(Unauthorized):
        tokens.verify(token(clock, **claims), AUDIENCE, ACCOUNT)


@pytest.mark.parametrize(
    "claims", [{"email": "other@hub.iam.gserviceaccount.com"}, {"email_verified": False}, {"email": ""}]
)
def test_a_token_of_another_account_is_forbidden(tokens: GoogleTokens, clock: Clock, claims: dict[str, Any]) -> None:
    with pytest.raises(Forbidden):
        tokens.verify(token(clock, **claims), AUDIENCE, ACCOUNT)


def test_what_google_did_not_sign_is_refused(tokens: GoogleTokens, clock: Clock) -> None:
    good = token(clock)
    forged = [
        token(clock, key="second", kid="first"),
        good[:-4] + "AAAA",
        jwt.encode({"iss": "https://accounts.google.com", "aud": AUDIENCE}, None, algorithm="none"),  # type: ignore[arg-type]  # as such tokens have none
        jwt.encode({"aud": AUDIENCE}, "a" * 32, algorithm="HS256", headers={"kid": "first"}),
        jwt.encode({"aud": AUDIENCE}, KEYS["first"], algorithm="RS256"),
        "",
        "nonsense",
        "a.b.c",
        "x" * 100_000,
    ]
    for text in forged:
        with pytest.raises(Unauthorized):
            tokens.verify(text, AUDIENCE, ACCOUNT)


def test_a_signature_that_cloud_run_removed_is_good_only_where_cloud_run_checks(
    tokens: GoogleTokens, provider: Stub, clock: Clock
) -> None:
    def stripped(**claims: Any) -> str:
        return token(clock, **claims).rpartition(".")[0] + ".SIGNATURE_REMOVED_BY_GOOGLE"

    with pytest.raises(Unauthorized):
        tokens.verify(stripped(), AUDIENCE, ACCOUNT)
    behind = GoogleTokens(tokens.fetch, clock, clock, platform_checks=True)
    behind.verify(stripped(), AUDIENCE, ACCOUNT)
    behind.verify(token(clock), AUDIENCE, ACCOUNT)
    with pytest.raises(Forbidden):
        behind.verify(stripped(email="other@hub.iam.gserviceaccount.com"), AUDIENCE, ACCOUNT)
    for refused in (stripped(aud="other"), stripped(exp=1), stripped() + "X", token(clock, key="second", kid="first")):
        with pytest.raises(Unauthorized):
            behind.verify(refused, AUDIENCE, ACCOUNT)


def test_an_unknown_key_has_the_certificates_fetched_again_but_not_for_every_stranger(
    tokens: GoogleTokens, provider: Stub, clock: Clock
) -> None:
    tokens.verify(token(clock), AUDIENCE, ACCOUNT)
    clock.now += 61
    for number in range(20):
        with pytest.raises(Unauthorized):
            tokens.verify(token(clock, kid=f"invented {number}"), AUDIENCE, ACCOUNT)
    assert len(provider.to(CERTS)) == 2


def test_a_rotated_key_is_found_and_a_withdrawn_one_is_refused(
    tokens: GoogleTokens, provider: Stub, clock: Clock
) -> None:
    tokens.verify(token(clock), AUDIENCE, ACCOUNT)
    publish(provider, "second")
    clock.now += 61
    tokens.verify(token(clock, key="second"), AUDIENCE, ACCOUNT)
    with pytest.raises(Unauthorized):
        tokens.verify(token(clock, key="first"), AUDIENCE, ACCOUNT)


def test_certificates_are_fetched_anew_when_their_time_is_over(
    tokens: GoogleTokens, provider: Stub, clock: Clock
) -> None:
    tokens.verify(token(clock), AUDIENCE, ACCOUNT)
    clock.now += 3599
    tokens.verify(token(clock), AUDIENCE, ACCOUNT)
    assert len(provider.to(CERTS)) == 1
    clock.now += 1
    tokens.verify(token(clock), AUDIENCE, ACCOUNT)
    assert len(provider.to(CERTS)) == 2


def test_while_google_does_not_answer_known_certificates_serve_on_for_an_hour(
    tokens: GoogleTokens, provider: Stub, clock: Clock
) -> None:
    tokens.verify(token(clock), AUDIENCE, ACCOUNT)
    provider.on("GET", CERTS, Reply(500))
    clock.now += 3600 + 3599
    tokens.verify(token(clock), AUDIENCE, ACCOUNT)
    clock.now += 2
    with pytest.raises(ProviderUnavailable):
        tokens.verify(token(clock), AUDIENCE, ACCOUNT)
    publish(provider, "first")
    clock.now += 2
    tokens.verify(token(clock), AUDIENCE, ACCOUNT)


@pytest.mark.parametrize(
    "answer",
    [Reply(503), Reply(text="<html>"), Reply(json={"keys": 3}), Reply(json={"keys": [{"kid": "x"}]}), Reply(drop=True)],
)
def test_without_any_certificates_a_token_cannot_be_judged(provider: Stub, clock: Clock, answer: Reply) -> None:
    provider.on("GET", CERTS, answer)
    http = Outgoing(Settings())
    tokens = GoogleTokens(lambda: fetch_certificates(http, provider.url + CERTS), clock, clock)
    with pytest.raises(ProviderUnavailable):
        tokens.verify(token(clock), AUDIENCE, ACCOUNT)
    http.close()
