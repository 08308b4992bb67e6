"""JSON Web Tokens, signed by HS256 and nothing else."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from shared.domain.accounts import Role
from shared.errors import Unauthorized

MAX_LENGTH = 4096

_ID = Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")


class Claims(BaseModel):
    """What every token of ours says; `iat` and `exp` are seconds since 1970."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True)

    user_id: str = _ID
    tenant_id: str = _ID
    iat: int
    exp: int
    jti: str = Field(default_factory=lambda: secrets.token_hex(12))


class AccessClaims(Claims):
    """A token that speaks for a user."""

    type: Literal["access"] = "access"
    email: str
    role: Role


class RefreshClaims(Claims):
    """A token that is exchanged, once, for new ones. `family` is the login it descends from."""

    type: Literal["refresh"]
    family: str = _ID


class VisitorClaims(Claims):
    """A token that speaks for a visitor of one widget, who is its `user_id`; name and e-mail are unverified."""

    type: Literal["visitor"]
    instance_id: str = _ID
    name: str | None = None
    email: str | None = None


class InstallClaims(Claims):
    """A token that lets whoever brings it connect an account to one instance, once."""

    type: Literal["install"]
    instance_id: str = _ID


class GuestClaims(Claims):
    """A ticket for the room of one conversation; the customer is its `user_id`."""

    type: Literal["guest"]
    instance_id: str = _ID
    conversation_id: str = _ID


C = TypeVar("C", bound=Claims)


def span(now: datetime, seconds: int) -> tuple[int, int]:
    """The `iat` and `exp` of a token made now."""
    return int(now.timestamp()), int((now + timedelta(seconds=seconds)).timestamp())


def sign(claims: Claims, key: str) -> str:
    """Make a token of the claims."""
    import jwt  # noqa: PLC0415 - imports cryptography, which costs cold start

    return jwt.encode(claims.model_dump(mode="json", by_alias=True), key, algorithm="HS256")


def verify(token: str, key: str, kind: type[C], now: datetime) -> C:
    """Read a token; raises `Unauthorized` unless it is ours, of this kind, and still valid."""
    import jwt  # noqa: PLC0415 - imports cryptography, which costs cold start

    refused = Unauthorized("Invalid or expired token")
    if len(token) > MAX_LENGTH:
        raise refused
    try:
        # The times are checked below, by the clock that everything else goes by.
        payload = jwt.decode(
            token,
            key,
            algorithms=["HS256"],
            options={"verify_exp": False, "verify_iat": False, "verify_nbf": False},
        )
        claims = kind.model_validate(payload)
    except (jwt.InvalidTokenError, ValidationError, ValueError, OverflowError, RecursionError):
        raise refused from None
    if claims.exp <= now.timestamp():
        raise refused
    return claims


def unverified(token: str, kind: type[C]) -> C | None:
    """What a token says of itself, to find the key that it is to be verified with; None unless of this kind."""
    import jwt  # noqa: PLC0415 - imports cryptography, which costs cold start

    if len(token) > MAX_LENGTH:
        return None
    try:
        return kind.model_validate(jwt.decode(token, options={"verify_signature": False}))
    except (jwt.InvalidTokenError, ValidationError, ValueError, OverflowError, RecursionError):
        return None


def fingerprint(credential: str) -> str:
    """What is stored in place of a credential that is random itself: its SHA-256 in hex."""
    return hashlib.sha256(credential.encode("utf-8", "surrogatepass")).hexdigest()
