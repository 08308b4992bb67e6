"""Proofs of where a webhook comes from: every comparison takes the same time whatever it is given."""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jwt.types import Options


def same_secret(candidate: str | None, expected: str) -> bool:
    """Whether a secret that came with a call is ours; an empty expected one matches nothing."""
    if not candidate or not expected:
        return False
    return hmac.compare_digest(_bytes(candidate), _bytes(expected))


def hmac_sha256_matches(header: str | None, prefix: str, secret: str, body: bytes) -> bool:
    """Whether a header is `prefix` and the hex HMAC-SHA256 of the raw body."""
    if not header or not secret or not header.startswith(prefix):
        return False
    expected = hmac.new(_bytes(secret), body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(_bytes(header[len(prefix) :].lower()), expected.encode())


def jwt_hs256_matches(token: str, key: str, leeway: float) -> bool:
    """Whether a token is an HS256 JWT of that key and not older than its `exp` plus `leeway` seconds."""
    import jwt  # noqa: PLC0415 - costs cold start, and few calls carry a JWT

    if not token or not key:
        return False
    try:
        checks: Options = {"verify_aud": False, "require": ["exp"]}
        jwt.decode(token, _hs256_key(key), algorithms=["HS256"], leeway=leeway, options=checks)
    except (jwt.PyJWTError, ValueError, OverflowError, RecursionError):
        return False
    return True


def _hs256_key(key: str) -> bytes:
    # HMAC itself fills a short key up with zeros, so this is the same key; pyjwt would warn about its length.
    return _bytes(key).ljust(32, b"\0")


def _bytes(text: str) -> bytes:
    # Header values are latin-1 or surrogate-escaped text; neither may make a comparison raise.
    return text.encode("utf-8", "surrogatepass")
