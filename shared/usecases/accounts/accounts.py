"""Signing up and in: tenants, their users, and the tokens that speak for them."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import timedelta

from shared.deps import Deps
from shared.documents import ids
from shared.documents.retry import run_with_retry
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.accounts import EmailReservation, Principal, RefreshToken, Role, Tenant, User
from shared.domain.ids import new_id
from shared.errors import AlreadyExists, BadRequest, Collision, Forbidden, NotFound, Unauthorized
from shared.security import passwords
from shared.security.tokens import AccessClaims, RefreshClaims, fingerprint, sign, span, verify
from shared.usecases.accounts import login_throttle
from shared.usecases.accounts.credentials import access_key, refresh_key

GRACE = timedelta(seconds=10)
"""How long a spent refresh token still works: two tabs of one browser share one and refresh at the same time."""

EMAIL_IN_USE = "This e-mail address is already registered"

_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s.]+(\.[^@\s.]+)+")
_WRONG_PAIR = "Wrong e-mail address or password"
_REFUSED = "Invalid or expired refresh token"


@dataclass(frozen=True, slots=True)
class Session:
    """A signed-in user with their tokens."""

    access_token: str
    refresh_token: str
    user: User
    tenant: Tenant


def register(deps: Deps, email: str, password: str, name: str | None = None, tenant_name: str | None = None) -> Session:
    """Add a tenant and its first user, who owns it, and sign them in: all of it or nothing.

    Raises `Forbidden` where registration is closed, `BadRequest` for an address or
    a password that cannot be used and `Collision` for an address that has an account.
    """
    if deps.settings.registration == "closed":
        raise Forbidden("Nobody can register here: ask an owner or an admin of your business to make you a user")
    email = checked_email(email)
    check_password(password)
    tenant = Tenant(id=new_id(), name=tenant_name or name or email.partition("@")[0], created_at=deps.now())
    user = User(
        id=new_id(),
        tenant_id=tenant.id,
        email=email,
        name=name,
        role=Role.OWNER,
        password_hash=passwords.hash_password(password),
        created_at=tenant.created_at,
    )
    unit = UnitOfWork(deps.store)
    unit.emails.add(EmailReservation.of(user), ids.email(email))
    unit.users.add(user)
    unit.tenants.add(tenant)
    session = _sign_in(deps, unit, user, tenant)
    try:
        unit.commit()
    except AlreadyExists:
        raise Collision(EMAIL_IN_USE) from None
    return session


def login(deps: Deps, email: str, password: str, address: str = "") -> Session:
    """Sign in a user who calls from an IP address.

    Raises `Unauthorized` for a wrong pair, with the same text and after about the same
    time whether the account exists or not, and `TooManyRequests` after too many
    wrong passwords for it, from that address or from all together.
    """
    email_id = ids.email(_canonical(email))
    limits = login_throttle.limits(email_id, address)
    with login_throttle.lock(email_id):
        unit = UnitOfWork(deps.store)
        unit.fetch(unit.emails.key(email_id), *(unit.login_failures.key(count_id) for count_id in limits))
        login_throttle.check_not_throttled(unit, limits, deps.now())
        user, tenant = _account(unit, email_id)
        if not passwords.password_matches(password, user.password_hash if user else None):
            login_throttle.count_failure(deps, limits)
            raise Unauthorized(_WRONG_PAIR)
    if user is None or tenant is None:
        raise Unauthorized(_WRONG_PAIR)
    login_throttle.forget_failures(deps, [count_id for count_id in limits if unit.login_failures.get(count_id)])
    session = _sign_in(deps, unit, user, tenant)
    unit.commit()
    return session


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


def current_user(deps: Deps, principal: Principal) -> User | None:
    """The user who is calling; None when an API key is. Raises `NotFound` when the user was removed."""
    if principal.user_id is None:
        return None
    user = UnitOfWork(deps.store).users.owned_or_none(principal.tenant_id, principal.user_id)
    if user is None:
        raise NotFound("This user does not exist any more")
    return user


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
    return _sign_in(deps, unit, user, tenant, family)


def _sign_in(deps: Deps, unit: UnitOfWork, user: User, tenant: Tenant, family: RefreshToken | None = None) -> Session:
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


def _account(unit: UnitOfWork, email_id: str) -> tuple[User | None, Tenant | None]:
    """The user with an e-mail address, and their tenant; both or neither."""
    reservation = unit.emails.get(email_id)
    if reservation is None:
        return None, None
    unit.fetch(unit.users.key(reservation.user_id), unit.tenants.key(reservation.tenant_id))
    user = unit.users.owned_or_none(reservation.tenant_id, reservation.user_id)
    tenant = unit.tenants.get(reservation.tenant_id)
    return (user, tenant) if user and tenant else (None, None)


def _canonical(email: str) -> str:
    """The one spelling of all addresses that look the same."""
    return unicodedata.normalize("NFC", email.strip().lower())


def checked_email(email: str) -> str:
    """The address in its canonical spelling; raises `BadRequest` for what is not an address."""
    email = _canonical(email)
    if len(email) > 254 or not _EMAIL.fullmatch(email) or any(unicodedata.category(char)[0] in "CZ" for char in email):
        raise BadRequest.of_field("email", "must be an e-mail address")
    return email


def check_password(password: str) -> None:
    """Raises `BadRequest` for one that is too short or too long."""
    if not passwords.MIN_LENGTH <= len(password) <= passwords.MAX_LENGTH:
        problem = f"must have {passwords.MIN_LENGTH} to {passwords.MAX_LENGTH} characters"
        raise BadRequest.of_field("password", problem)
