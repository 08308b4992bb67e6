"""JSON Web Tokens, signed by EdDSA (Ed25519) or HS256 and nothing else: the kind of the key decides, not the token."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Literal, TypeAlias, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from shared.domain.accounts import Role
from shared.errors import Unauthorized

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

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
    """A token that speaks for a user. `sid` is the sign-in, and `gen` the user's generation, that it was issued in."""

    type: Literal["access"] = "access"
    email: str
    role: Role
    sid: str | None = None
    gen: int = 0


class RefreshClaims(Claims):
    """A token that is exchanged, once, for new ones. `family` is the login it descends from."""

    type: Literal["refresh"]
    family: str = _ID
    gen: int = 0


class CookieClaims(Claims):
    """What a browser keeps in a cookie beside its tokens: it may listen and look at files, and nothing else."""

    type: Literal["cookie"]
    sid: str = _ID
    gen: int = 0


class VisitorClaims(Claims):
    """A token that speaks for a visitor of one widget, who is its `user_id`; name and e-mail are unverified.

    `proven_by` marks the secret that has proved the visitor's id; None is for those who are known by the token alone.
    """

    type: Literal["visitor"]
    instance_id: str = _ID
    name: str | None = None
    email: str | None = None
    proven_by: str | None = None


class GuestClaims(Claims):
    """A ticket for the room of one conversation; the customer is its `user_id`."""

    type: Literal["guest"]
    instance_id: str = _ID
    conversation_id: str = _ID


C = TypeVar("C", bound=Claims)


@dataclass(frozen=True)
class Ed25519PublicPart:
    """The half of a key pair that only verifies; `raw` is 32 bytes in hex."""

    raw: str

    @cached_property
    def key(self) -> Ed25519PublicKey:
        from cryptography.hazmat.primitives.asymmetric import ed25519  # noqa: PLC0415 - costs cold start

        return ed25519.Ed25519PublicKey.from_public_bytes(bytes.fromhex(self.raw))


@dataclass(frozen=True)
class Ed25519Key:
    """A key pair, made of its private half: `raw` is 32 bytes in hex."""

    raw: str

    @cached_property
    def key(self) -> Ed25519PrivateKey:
        from cryptography.hazmat.primitives.asymmetric import ed25519  # noqa: PLC0415 - costs cold start

        return ed25519.Ed25519PrivateKey.from_private_bytes(bytes.fromhex(self.raw))

    @cached_property
    def public(self) -> Ed25519PublicPart:
        return Ed25519PublicPart(self.key.public_key().public_bytes_raw().hex())


SigningKey: TypeAlias = "str | Ed25519Key"
VerificationKey: TypeAlias = "str | Ed25519PublicPart"


def span(now: datetime, seconds: int) -> tuple[int, int]:
    """The `iat` and `exp` of a token made now."""
    return int(now.timestamp()), int((now + timedelta(seconds=seconds)).timestamp())


def sign(claims: Claims, key: SigningKey) -> str:
    """Make a token of the claims."""
    import jwt  # noqa: PLC0415 - imports cryptography, which costs cold start

    payload = claims.model_dump(mode="json", by_alias=True)
    if isinstance(key, str):
        return jwt.encode(payload, key, algorithm="HS256")
    return jwt.encode(payload, key.key, algorithm="EdDSA")


def verify(token: str, key: VerificationKey, kind: type[C], now: datetime) -> C:
    """Read a token; raises `Unauthorized` unless it is ours, of this kind, and still valid."""
    import jwt  # noqa: PLC0415 - imports cryptography, which costs cold start

    refused = Unauthorized("Invalid or expired token")
    if len(token) > MAX_LENGTH:
        raise refused
    try:
        # The times are checked below, by the clock that everything else goes by.
        payload = jwt.decode(
            token,
            key if isinstance(key, str) else key.key,
            algorithms=["HS256" if isinstance(key, str) else "EdDSA"],
            options={"verify_exp": False, "verify_iat": False, "verify_nbf": False},
        )
        claims = kind.model_validate(payload)
    except (jwt.InvalidTokenError, ValidationError, ValueError, OverflowError, RecursionError):
        raise refused from None
    if claims.exp <= now.timestamp():
        raise refused
    return claims


def verify_any(token: str, keys: Iterable[VerificationKey], kind: type[C], now: datetime) -> C:
    """As `verify`, with whichever key fits."""
    for key in keys:
        try:
            return verify(token, key, kind, now)
        except Unauthorized:
            continue
    raise Unauthorized("Invalid or expired token")


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
