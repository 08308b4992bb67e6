"""Who is signed in: the access and refresh tokens that users hold, from signing in to signing out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.deps import Deps
from shared.documents.retry import run_with_retry
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.accounts import Device, Principal, RefreshToken, Tenant, User
from shared.domain.ids import new_id
from shared.errors import BadRequest, NotFound, TooManyRequests, Unauthorized
from shared.security.buckets import Rate
from shared.security.tokens import AccessClaims, CookieClaims, RefreshClaims, fingerprint, sign, span, verify_any
from shared.usecases.accounts.credentials import access_key, forget_user, refresh_key, refresh_keys

GRACE = timedelta(seconds=10)
"""How long a spent refresh token still works: two tabs of one browser share one and refresh at the same time."""

REFRESHES = Rate("refreshes", per_minute=30)
"""Refreshes of one sign-in."""

WRONG_REFRESHES = Rate("wrong-refreshes", per_minute=60)
"""Refreshes from one address with tokens that are not valid; a valid one is never refused for them."""

MAX_PAGE = 100

_MOST_ENDED = 200
"""Ended sign-ins that are remembered until their access tokens have expired."""

_REFUSED = "Invalid or expired refresh token"


@dataclass(frozen=True, slots=True)
class Session:
    """A signed-in user with their tokens, and with what their browser may keep in a cookie."""

    access_token: str
    refresh_token: str
    user: User
    tenant: Tenant
    cookie: str


@dataclass(frozen=True, slots=True)
class SignIn:
    """A sign-in that has not ended; `is_current` is the one that the caller's own token comes from."""

    id: str
    address: str
    user_agent: str
    created_at: datetime
    last_used_at: datetime
    is_current: bool


def begin(deps: Deps, unit: UnitOfWork, user: User, tenant: Tenant, device: Device) -> Session:
    """Sign a user in with the unit's commit: issue their first tokens."""
    sign_in = RefreshToken(
        id=(sign_in_id := new_id()),
        tenant_id=user.tenant_id,
        user_id=user.id,
        family=sign_in_id,
        is_sign_in=True,
        generation=user.generation,
        address=device.address,
        user_agent=device.user_agent[:200],
        last_used_at=deps.now(),
        expires_at=_refresh_end(deps),
        created_at=deps.now(),
    )
    unit.refresh_tokens.add(sign_in)
    return _issue(deps, unit, user, tenant, sign_in)


def refresh(deps: Deps, token: str, address: str = "") -> Session:
    """Exchange a refresh token for new tokens; it is spent then.

    Within `GRACE` of being spent it still works, for tabs that share it. Later
    somebody must have copied it: all tokens of its login end. Raises `Unauthorized`, and
    `TooManyRequests` where one sign-in is refreshed, or one address shows wrong tokens, too often.
    """
    session = _refreshed(deps, token)
    if session is None:
        deps.buckets.charge(WRONG_REFRESHES, address)
        raise Unauthorized(_REFUSED)
    return session


def _refreshed(deps: Deps, token: str) -> Session | None:
    try:
        claims = verify_any(token, refresh_keys(deps), RefreshClaims, deps.now())
    except Unauthorized:
        return None
    deps.buckets.charge(REFRESHES, claims.family)
    return run_with_retry(deps, lambda unit: _rotate(deps, unit, fingerprint(token), claims))


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
    if token is None or family is None or user is None or tenant is None:
        return None
    if family.revoked or claims.gen != user.generation:
        return None
    if token.replaced_at is not None and token.replaced_at + GRACE <= deps.now():
        family.revoked = True
        user.ended_sign_ins = _ended_and(deps, user, family.id)
        unit.after_commit(lambda: forget_user(deps, user))
        return None
    if token.replaced_at is None:
        token.replaced_at = deps.now()
    family.last_used_at = deps.now()
    family.expires_at = _refresh_end(deps)
    return _issue(deps, unit, user, tenant, family)


def _issue(deps: Deps, unit: UnitOfWork, user: User, tenant: Tenant, sign_in: RefreshToken) -> Session:
    """Issue tokens of a sign-in, and store the refresh token's hash.

    The sign-in's own document holds what ends all of its tokens, so that one that is
    issued at the same time ends as well.
    """
    refresh_token = _refresh_token(deps, user, sign_in)
    unit.refresh_tokens.add(
        RefreshToken(
            id=fingerprint(refresh_token),
            tenant_id=user.tenant_id,
            user_id=user.id,
            family=sign_in.id,
            expires_at=_refresh_end(deps),
            created_at=deps.now(),
        )
    )
    access_token, cookie = _access(deps, user, sign_in)
    return Session(access_token, refresh_token, user, tenant, cookie)


def _refresh_token(deps: Deps, user: User, sign_in: RefreshToken) -> str:
    issued, expires = span(deps.now(), deps.settings.jwt_refresh_ttl)
    claims = RefreshClaims(
        user_id=user.id,
        tenant_id=user.tenant_id,
        type="refresh",
        family=sign_in.id,
        gen=user.generation,
        iat=issued,
        exp=expires,
    )
    return sign(claims, refresh_key(deps))


def _access(deps: Deps, user: User, sign_in: RefreshToken) -> tuple[str, str]:
    """An access token, and the cookie that ends with it."""
    issued, expires = span(deps.now(), deps.settings.jwt_access_ttl)
    access_claims = AccessClaims(
        user_id=user.id,
        tenant_id=user.tenant_id,
        email=user.email,
        role=user.role,
        sid=sign_in.id,
        gen=user.generation,
        iat=issued,
        exp=expires,
    )
    cookie_claims = CookieClaims(
        user_id=user.id,
        tenant_id=user.tenant_id,
        type="cookie",
        sid=sign_in.id,
        gen=user.generation,
        iat=issued,
        exp=expires,
    )
    return sign(access_claims, access_key(deps)), sign(cookie_claims, access_key(deps))


def _refresh_end(deps: Deps) -> datetime:
    return deps.now() + timedelta(seconds=deps.settings.jwt_refresh_ttl)


def list_own(
    deps: Deps, caller: Principal, limit: int = 50, cursor: str | None = None
) -> tuple[list[SignIn], str | None]:
    """Return one page of the caller's sign-ins, newest first, and the cursor of the next.

    A page may have fewer than `limit`, for those that have ended are left out. Raises `BadRequest` for a key.
    """
    unit = UnitOfWork(deps.store)
    user = unit.users.owned(caller.tenant_id, _own_id(caller))
    query = unit.refresh_tokens.query().where(lambda token: token.user_id, "==", user.id)
    query = query.where(lambda token: token.is_sign_in, "==", True)
    page = query.order_by(lambda token: token.created_at, descending=True).page(min(limit, MAX_PAGE), cursor)
    return [
        SignIn(
            id=token.id,
            address=token.address,
            user_agent=token.user_agent,
            created_at=token.created_at,
            last_used_at=token.last_used_at or token.created_at,
            is_current=token.id == caller.sign_in_id,
        )
        for token in page.documents
        if not token.revoked and token.generation == user.generation and token.expires_at > deps.now()
    ], page.cursor


def end(deps: Deps, caller: Principal, sign_in_id: str) -> None:
    """End one of the caller's sign-ins: its tokens, here at once. Raises `NotFound`, and `BadRequest` for a key."""
    user_id = _own_id(caller)

    def attempt(unit: UnitOfWork) -> User:
        unit.fetch(unit.users.key(user_id), unit.refresh_tokens.key(sign_in_id))
        user = unit.users.owned(caller.tenant_id, user_id)
        sign_in = unit.refresh_tokens.get(sign_in_id)
        if sign_in is None or sign_in.user_id != user.id or not sign_in.is_sign_in or sign_in.revoked:
            raise NotFound("There is no such session")
        sign_in.revoked = True
        user.ended_sign_ins = _ended_and(deps, user, sign_in.id)
        if len(user.ended_sign_ins) > _MOST_ENDED:
            raise TooManyRequests("Too many sessions were ended lately: end all of them, or try again later", 60)
        return user

    forget_user(deps, run_with_retry(deps, attempt))


def sign_out(deps: Deps, caller: Principal, *, everywhere: bool) -> None:
    """End the sign-in that the caller's token comes from, or all of theirs. Raises `BadRequest` for a key."""
    if everywhere or caller.sign_in_id is None:
        # A token of an earlier version does not say which sign-in it comes from.
        _end_all_of(deps, caller.tenant_id, _own_id(caller))
    else:
        end(deps, caller, caller.sign_in_id)


def end_all(deps: Deps, unit: UnitOfWork, user: User) -> None:
    """End all tokens of a user, who was read in this unit, with its commit."""
    user.generation += 1
    user.ended_sign_ins = {}
    unit.after_commit(lambda: forget_user(deps, user))


def _end_all_of(deps: Deps, tenant_id: str, user_id: str) -> None:
    run_with_retry(deps, lambda unit: end_all(deps, unit, unit.users.owned(tenant_id, user_id)))


def _ended_and(deps: Deps, user: User, sign_in_id: str) -> dict[str, datetime]:
    """The user's ended sign-ins, with one more, without those whose access tokens have expired."""
    until = deps.now() + timedelta(seconds=deps.settings.jwt_access_ttl)
    return {id_: end for id_, end in user.ended_sign_ins.items() if end > deps.now()} | {sign_in_id: until}


def _own_id(caller: Principal) -> str:
    if caller.user_id is None:
        raise BadRequest("A key has no sessions: sign in as a user, or revoke the key")
    return caller.user_id
