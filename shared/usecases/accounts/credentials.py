"""Authentication: the principal behind an access token or API key, for HTTP and for sockets alike."""

from __future__ import annotations

import hmac
import logging
import secrets
import threading
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache

from shared.config import Settings
from shared.deps import Deps
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.accounts import ApiKey, Principal, Role, User
from shared.errors import ConfigurationInvalid, SecretLost, StoreError, Unauthorized
from shared.security.tokens import (
    MAX_LENGTH,
    AccessClaims,
    CookieClaims,
    Ed25519Key,
    Ed25519PublicPart,
    SigningKey,
    VerificationKey,
    fingerprint,
    verify_any,
)

log = logging.getLogger(__name__)

READ_SECRETS = "secrets:read"
ALL_SCOPES = frozenset({READ_SECRETS})

KEY_PREFIX = "omh_"
"""What the hub's own API keys begin with."""

_SIGNING_SECRET = "jwt-signing"  # noqa: S105 - the name of a secret
_signing_key_lock = threading.Lock()
_LAST_USED_PRECISION = timedelta(minutes=1)


def authenticate(deps: Deps, credential: str) -> Principal:
    """Return the principal of an access token or API key; raises `Unauthorized`.

    A key may do no more than the user for whom it was created may now.

    A revoked key is refused at once by the process that revoked it, by others
    as soon as their cache has expired (30 s); the same holds for a user's role, for
    a sign-in that was ended, and for a user who was removed, whatever their token says.
    """
    if len(credential) <= MAX_LENGTH:
        if _is_deployment_key(deps, credential):
            return Principal(deps.settings.default_tenant_id, Role.OWNER, scopes=ALL_SCOPES, credential_id="API_KEY")
        principal = _user_principal(deps, credential) if _is_token(credential) else _key_principal(deps, credential)
        if principal is not None:
            return principal
    raise Unauthorized("Invalid or expired token" if _is_token(credential) else "Invalid or missing API key")


def authenticate_cookie(deps: Deps, cookie: str) -> Principal:
    """Return the principal of a browser's cookie, who may only read; raises `Unauthorized`."""
    refused = Unauthorized("Invalid or expired cookie")
    try:
        claims = verify_any(cookie, access_keys(deps), CookieClaims, deps.now())
    except Unauthorized:
        raise refused from None
    standing = _current_standing(deps, claims)
    if standing is None:
        raise refused
    return Principal(
        claims.tenant_id,
        standing.role,
        claims.user_id,
        scopes=frozenset({"read"}),
        answerable=claims.user_id,
        sign_in_id=claims.sid,
        credential_id=claims.user_id,
        name=standing.name,
    )


def anonymous(settings: Settings, *, is_open: bool) -> Principal | None:
    """Who calls without a credential: in development without API_KEY the owner of the default tenant, else nobody.

    Where `is_open`, an agent of ANONYMOUS_TENANT if that is set.
    """
    if is_open and settings.anonymous_tenant:
        return Principal(settings.anonymous_tenant, Role.AGENT)
    if settings.production or settings.api_key is not None:
        return None
    return Principal(settings.default_tenant_id, Role.OWNER, scopes=ALL_SCOPES)


def is_like_ours(credential: str) -> bool:
    """Whether it has the form of what the hub issues: a user's token or a tenant's key."""
    return _is_token(credential) or credential.startswith(KEY_PREFIX)


def _is_token(credential: str) -> bool:
    return credential.count(".") == 2


def forget_key(deps: Deps, key_id: str) -> None:
    """Have a changed API key read again."""
    deps.cache.forget(("api_key", key_id))


def forget_user(deps: Deps, user: User) -> None:
    """Have a changed user read again."""
    deps.cache.forget(("user", user.tenant_id, user.id))


def access_key(deps: Deps) -> SigningKey:
    """What access tokens are signed with: `JWT_PRIVATE_KEY`, else `JWT_SECRET`, or in development a stored random key.

    Raises `ConfigurationInvalid` where only tokens of others can be verified.
    """
    settings = deps.settings
    if settings.jwt_private_key is not None:
        return _key_pair(settings.jwt_private_key.get_secret_value())
    if settings.jwt_secret is not None:
        return settings.jwt_secret.get_secret_value()
    if settings.jwt_public_key is not None:
        raise ConfigurationInvalid("JWT_PRIVATE_KEY: is required where people sign in")
    return _development_key(deps)


def access_keys(deps: Deps) -> list[VerificationKey]:
    """Those that access tokens are accepted with: both kinds, while `JWT_SECRET` is set beside the key pair."""
    settings = deps.settings
    keys: list[VerificationKey] = []
    if settings.jwt_private_key is not None:
        keys.append(_key_pair(settings.jwt_private_key.get_secret_value()).public)
    elif settings.jwt_public_key is not None:
        keys.append(_public_part(settings.jwt_public_key))
    if settings.jwt_secret is not None:
        keys.append(settings.jwt_secret.get_secret_value())
    return keys or [_development_key(deps)]


def refresh_key(deps: Deps) -> SigningKey:
    """What refresh tokens are signed with: `JWT_REFRESH_SECRET`, or else the same as access tokens."""
    configured = deps.settings.jwt_refresh_secret
    return configured.get_secret_value() if configured else access_key(deps)


def refresh_keys(deps: Deps) -> list[VerificationKey]:
    """Those that refresh tokens are accepted with."""
    configured = deps.settings.jwt_refresh_secret
    return [configured.get_secret_value()] if configured else access_keys(deps)


_key_pair = lru_cache(maxsize=4)(Ed25519Key)
_public_part = lru_cache(maxsize=4)(Ed25519PublicPart)


def _development_key(deps: Deps) -> str:
    return deps.cache.get(_SIGNING_SECRET, lambda: _stored_signing_key(deps))


def _is_deployment_key(deps: Deps, credential: str) -> bool:
    configured = deps.settings.api_key
    if configured is None:
        return False
    return hmac.compare_digest(credential.encode("utf-8", "surrogatepass"), configured.get_secret_value().encode())


def _user_principal(deps: Deps, token: str) -> Principal | None:
    try:
        claims = verify_any(token, access_keys(deps), AccessClaims, deps.now())
    except Unauthorized:
        return None
    standing = _current_standing(deps, claims)
    if standing is None:
        return None
    return Principal(
        claims.tenant_id,
        standing.role,
        claims.user_id,
        claims.email,
        _scopes(standing.role),
        answerable=claims.user_id,
        sign_in_id=claims.sid,
        credential_id=claims.user_id,
        name=standing.name,
    )


def _current_standing(deps: Deps, claims: AccessClaims | CookieClaims) -> _Standing | None:
    """How who signed in stands now; None where the sign-in has ended, or the user was removed."""
    standing = _standing(deps, claims.tenant_id, claims.user_id)
    if standing is None or claims.gen != standing.generation or claims.sid in standing.ended_sign_ins:
        return None
    return standing


def _scopes(role: Role) -> frozenset[str]:
    return ALL_SCOPES if role in (Role.OWNER, Role.ADMIN) else frozenset()


@dataclass(frozen=True, slots=True)
class _Standing:
    """What a token issued earlier may not know of its user."""

    role: Role
    generation: int
    ended_sign_ins: frozenset[str]
    name: str


def _standing(deps: Deps, tenant_id: str, user_id: str) -> _Standing | None:
    """How a user stands now; None when they were removed."""
    return deps.cache.get(("user", tenant_id, user_id), lambda: _stored_standing(deps, tenant_id, user_id))


def _stored_standing(deps: Deps, tenant_id: str, user_id: str) -> _Standing | None:
    user = UnitOfWork(deps.store).users.owned_or_none(tenant_id, user_id)
    if user is None:
        return None
    return _Standing(user.role, user.generation, frozenset(user.ended_sign_ins), user.name or user.email)


@dataclass(frozen=True, slots=True)
class _CachedKey:
    """A key with the unit of work that read it, by which its use is noted only if it is still as it was read."""

    key: ApiKey
    unit: UnitOfWork


def _key_principal(deps: Deps, credential: str) -> Principal | None:
    key_id = fingerprint(credential)
    cached = deps.cache.get(("api_key", key_id), lambda: _read_key(deps, key_id))
    if cached is None:
        return None
    key = cached.key
    if key.revoked or (key.expires_at is not None and key.expires_at <= deps.now()):
        return None
    principal = _within_creators_rights(deps, key)
    if principal is None:
        return None
    if key.last_used_at is None or key.last_used_at + _LAST_USED_PRECISION <= deps.now():
        _note_use(deps, cached)
    return principal


def _within_creators_rights(deps: Deps, key: ApiKey) -> Principal | None:
    """What the key may do; None when the user for whom it was created was removed."""
    role, scopes = key.role, frozenset(key.scopes)
    if key.created_by is not None:
        creator = _standing(deps, key.tenant_id, key.created_by)
        if creator is None:
            return None
        role = key.role.within(creator.role)
        scopes -= ALL_SCOPES - _scopes(creator.role)
    return Principal(key.tenant_id, role, scopes=scopes, answerable=key.created_by, credential_id=key.id)


def _read_key(deps: Deps, key_id: str) -> _CachedKey | None:
    unit = UnitOfWork(deps.store)
    key = unit.api_keys.of_any_tenant(key_id)
    return _CachedKey(key, unit) if key else None


def _note_use(deps: Deps, cached: _CachedKey) -> None:
    """A key that was used or revoked elsewhere meanwhile is left alone; a failing store keeps nobody out here."""
    cached.key.last_used_at = deps.now()
    try:
        cached.unit.commit()
    except StoreError as error:
        log.info("the use of a key was not noted", extra={"why": error.detail})
    forget_key(deps, cached.key.id)


def _stored_signing_key(deps: Deps) -> str:
    with _signing_key_lock:
        try:
            key = deps.secrets.read(_SIGNING_SECRET).get("key")
        except SecretLost:
            key = None  # who has a token of the former one signs in again
        if not key:
            deps.secrets.write(_SIGNING_SECRET, {"key": secrets.token_hex(32)})
            # Another process may have written meanwhile: what is stored now is what both use.
            key = deps.secrets.read(_SIGNING_SECRET)["key"]
        return key
