"""Who is signed in: the access and refresh tokens that users hold, from signing in to signing out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from shared.deps import Deps
from shared.documents.retry import run_with_retry
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.accounts import RefreshToken, Tenant, User
from shared.domain.ids import new_id
from shared.errors import Unauthorized
from shared.security.tokens import AccessClaims, RefreshClaims, fingerprint, sign, span, verify
from shared.usecases.accounts.credentials import access_key, refresh_key

GRACE = timedelta(seconds=10)
"""How long a spent refresh token still works: two tabs of one browser share one and refresh at the same time."""

_REFUSED = "Invalid or expired refresh token"


@dataclass(frozen=True, slots=True)
class Session:
    """A signed-in user with their tokens."""

    access_token: str
    refresh_token: str
    user: User
    tenant: Tenant


def begin(deps: Deps, unit: UnitOfWork, user: User, tenant: Tenant) -> Session:
    """Sign a user in with the unit's commit: issue their first tokens."""
    return _issue(deps, unit, user, tenant)


def refresh(deps: Deps, token: str) -> Session:
    """Exchange a refresh token for new tokens; it is spent then.

    Within `GRACE` of being spent it still works, for tabs that share it. Later
    somebody must have copied it: all tokens of its login end. Raises `Unauthorized`.
    """
    try:
        claims = verify(token, refresh_key(deps), RefreshClaims, deps.now())
    except Unauthorized:
        raise Unauthorized(_REFUSED) from None
    session = run_with_retry(deps, lambda unit: _rotate(deps, unit, fingerprint(token), claims))
    if session is None:
        raise Unauthorized(_REFUSED)
    return session


def _rotate(deps: Deps, unit: UnitOfWork, token_id: str, claims: RefreshClaims) -> Session | None:
    """New tokens for a refresh token; None when it is not valid, which ends its family if the token was copied."""
    unit.fetch(
        unit.refresh_tokens.key(token_id),
        unit.refresh_tokens.key(claims.family),
        unit.users.key(claims.user_id),
        unit.tenants.key(claims.tenant_id),
    )
    token, family = unit.refresh_tokens.get(token_id), unit.refresh_tokens.get(claims.family)
    user, tenant = unit.users.owned_or_none(claims.tenant_id, claims.user_id), unit.tenants.get(claims.tenant_id)
    if token is None or family is None or user is None or tenant is None or family.revoked:
        return None
    if token.replaced_at is not None and token.replaced_at + GRACE <= deps.now():
        family.revoked = True
        return None
    if token.replaced_at is None:
        token.replaced_at = deps.now()
    return _issue(deps, unit, user, tenant, family)


def _issue(deps: Deps, unit: UnitOfWork, user: User, tenant: Tenant, family: RefreshToken | None = None) -> Session:
    """Issue tokens, and store the refresh token's hash; without `family` it begins one."""
    settings = deps.settings
    issued, expires = span(deps.now(), settings.jwt_access_ttl)
    access_claims = AccessClaims(
        user_id=user.id, tenant_id=user.tenant_id, email=user.email, role=user.role, iat=issued, exp=expires
    )
    issued, expires = span(deps.now(), settings.jwt_refresh_ttl)
    refresh_claims = RefreshClaims(
        user_id=user.id,
        tenant_id=user.tenant_id,
        type="refresh",
        family=family.id if family else new_id(),
        iat=issued,
        exp=expires,
    )
    refresh_token = sign(refresh_claims, refresh_key(deps))
    _add_refresh_token(deps, unit, refresh_token, refresh_claims, family)
    return Session(sign(access_claims, access_key(deps)), refresh_token, user, tenant)


def _add_refresh_token(
    deps: Deps, unit: UnitOfWork, credential: str, claims: RefreshClaims, family: RefreshToken | None
) -> None:
    """Store a refresh token's hash.

    A document named by the family holds what ends all of its tokens, so that one
    that is issued at the same time ends as well.
    """
    token = RefreshToken(
        id=fingerprint(credential),
        tenant_id=claims.tenant_id,
        user_id=claims.user_id,
        family=claims.family,
        expires_at=deps.now() + timedelta(seconds=deps.settings.jwt_refresh_ttl),
        created_at=deps.now(),
    )
    unit.refresh_tokens.add(token)
    if family is None:
        unit.refresh_tokens.add(token.model_copy(update={"id": claims.family}))
    else:
        family.expires_at = token.expires_at
