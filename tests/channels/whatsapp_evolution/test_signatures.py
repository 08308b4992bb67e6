"""Secrets in headers and JWTs: what proves a caller and what does not."""

from __future__ import annotations

import hashlib
import hmac
import time
from typing import Any

import jwt
import pytest

from shared.channelkit.signatures import hmac_sha256_matches, jwt_hs256_matches, same_secret

KEY = "a-key-that-is-long-enough-for-hs256"


def token(key: str = KEY, age: float = 0, algorithm: str = "HS256", **claims: Any) -> str:
    """A JWT as Evolution makes it, `age` seconds ago."""
    issued = int(time.time() - age)
    return jwt.encode({"iat": issued, "exp": issued + 600, "app": "evolution"} | claims, key, algorithm=algorithm)


@pytest.mark.parametrize(
    ("secret", "expected", "same"),
    [
        ("abc", "abc", True),
        ("abd", "abc", False),
        ("abcd", "abc", False),
        (None, "abc", False),
        ("", "", False),
        ("", "abc", False),
        ("á\udce9", "á\udce9", True),
        ("á", "a", False),
    ],
)
def test_secrets_match_only_when_equal_and_not_empty(secret: str | None, expected: str, same: bool) -> None:
    assert same_secret(secret, expected) is same


def test_a_body_signature_is_checked_over_the_raw_bytes() -> None:
    body = b'{"a": 1}'
    good = hmac.new(b"s", body, hashlib.sha256).hexdigest()
    assert hmac_sha256_matches(f"sha256={good}", "sha256=", "s", body)
    assert hmac_sha256_matches(f"sha256={good.upper()}", "sha256=", "s", body)
    for header in (None, "", good, f"sha1={good}", "sha256=", f"sha256={good[:-1]}0x", "sha256=ü"):
        assert not hmac_sha256_matches(header, "sha256=", "s", body)
    assert not hmac_sha256_matches(f"sha256={good}", "sha256=", "s", b'{"a":1}')
    empty = hmac.new(b"", body, hashlib.sha256).hexdigest()
    assert not hmac_sha256_matches(f"sha256={empty}", "sha256=", "", body)


def test_a_jwt_counts_until_its_end_and_the_leeway_after_it() -> None:
    assert jwt_hs256_matches(token(), KEY, 0)
    assert jwt_hs256_matches(token(age=3000), KEY, 3600)
    assert not jwt_hs256_matches(token(age=3000), KEY, 60)


def test_a_short_key_works_like_any_other() -> None:
    short = "secret"
    padded = short + "\0" * 26
    assert jwt_hs256_matches(token(padded), short, 0)
    assert not jwt_hs256_matches(token(padded), "secreT", 0)


@pytest.mark.parametrize("candidate", ["", "a.b.c", "x", "\ud800.a.b", "Bearer", "e30.e30.e30"])
def test_what_is_no_jwt_proves_nothing(candidate: str) -> None:
    assert not jwt_hs256_matches(candidate, KEY, 3600)


def test_jwts_of_other_kinds_prove_nothing() -> None:
    unsigned = jwt.encode({"exp": int(time.time()) + 600}, "", algorithm="none")
    endless = jwt.encode({"app": "evolution"}, KEY, algorithm="HS256")
    longer = jwt.encode({"exp": int(time.time()) + 600}, KEY * 2, algorithm="HS512")
    for candidate in (unsigned, endless, longer, token(KEY + "x")):
        assert not jwt_hs256_matches(candidate, KEY, 3600)
    assert not jwt_hs256_matches(token(), "", 3600)
