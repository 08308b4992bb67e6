"""What a token must be to count."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from shared.domain.accounts import Role
from shared.errors import Unauthorized
from shared.security.tokens import AccessClaims, RefreshClaims, fingerprint, sign, span, verify

KEY = "a-secret-of-more-than-32-bytes-for-tests"
NOW = datetime(2026, 1, 2, tzinfo=UTC)


def _access(seconds: int = 60) -> AccessClaims:
    issued, expires = span(NOW, seconds)
    return AccessClaims(user_id="u", tenant_id="t", email="a@b.cd", role=Role.AGENT, iat=issued, exp=expires)


def test_a_token_is_read_as_it_was_signed() -> None:
    claims = _access()
    assert verify(sign(claims, KEY), KEY, AccessClaims, NOW) == claims


def test_two_tokens_are_never_the_same() -> None:
    assert sign(_access(), KEY) != sign(_access(), KEY)


def test_a_token_ends_with_its_last_second() -> None:
    token = sign(_access(60), KEY)
    verify(token, KEY, AccessClaims, NOW + timedelta(seconds=59))
    with pytest.raises(Unauthorized):
        verify(token, KEY, AccessClaims, NOW + timedelta(seconds=60))


def test_one_kind_is_not_taken_for_the_other() -> None:
    token = sign(_access(), KEY)
    with pytest.raises(Unauthorized):
        verify(token, KEY, RefreshClaims, NOW)


@pytest.mark.parametrize("token", ["", "..", "a.b.c", "\0", "é.é.é", "\ud800", "x" * 10_000])
def test_nonsense_is_refused(token: str) -> None:
    with pytest.raises(Unauthorized):
        verify(token, KEY, AccessClaims, NOW)


def test_a_fingerprint_tells_credentials_apart_without_showing_them() -> None:
    assert fingerprint("one") != fingerprint("two")
    assert fingerprint("one") == fingerprint("one")
    assert len(fingerprint("\ud800")) == 64
