"""Signing up and in: tenants, their users, and the tokens that speak for them."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import timedelta

from shared.deps import Deps
from shared.domain.accounts import Principal, RefreshToken, Role, Tenant, User
from shared.domain.ids import new_id
from shared.errors import AlreadyExists, BadRequest, Collision, Forbidden, NotFound, Unauthorized
from shared.ports.store import Create, Document, Merge, Ref, Write
from shared.security import passwords
from shared.security.tokens import AccessClaims, RefreshClaims, fingerprint, sign, span, verify
from shared.usecases import refs
from shared.usecases.accounts import login_throttle
from shared.usecases.accounts.credentials import access_key, refresh_key
from shared.usecases.retrying import decide

GRACE = timedelta(seconds=10)
"""How long a spent refresh token still works: two tabs of one browser share one and refresh at the same time."""

_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s.]+(\.[^@\s.]+)+")
_WRONG_PAIR = "Wrong e-mail address or password"
_REFUSED = "Invalid or expired refresh token"


@dataclass(frozen=True, slots=True)
class Session:
    """A user who is signed in, and the tokens to show for it."""

    access_token: str
    refresh_token: str
    user: User
    tenant: Tenant


def register(deps: Deps, email: str, password: str, name: str | None = None, tenant_name: str | None = None) -> Session:
    """Make a tenant and its first user, who owns it, and sign him in: all of it or nothing.

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
    session, tokens = _sign_in(deps, user, tenant)
    try:
        deps.store.commit([*_founding(user, tenant), *tokens])
    except AlreadyExists:
        raise Collision("This e-mail address is already registered") from None
    return session


def _founding(user: User, tenant: Tenant) -> list[Write]:
    owner = {"tenant_id": tenant.id, "user_id": user.id, "created_at": user.created_at}
    return [
        Create(email_ref(user.email), owner),
        Create(user_ref(user.id), user.model_dump()),
        Create(refs.tenant(tenant.id), tenant.model_dump()),
    ]


def login(deps: Deps, email: str, password: str, address: str = "") -> Session:
    """Sign a user in, who calls from an IP address.

    Raises `Unauthorized` for a wrong pair, in the same words and about the same
    time whether the account is known or not, and `TooManyRequests` after too many
    wrong passwords for it, from there or from all together.
    """
    reservation = email_ref(_canonical(email))
    limits = login_throttle.bounds(reservation.id, address)
    with login_throttle.lane(reservation.id):
        found = deps.store.get([reservation, *limits])
        login_throttle.refuse_throttled(deps, limits, found)
        user, tenant = _owner_of(deps, found.get(reservation))
        if not passwords.password_matches(password, user.password_hash if user else None):
            login_throttle.count_failure(deps, limits)
            raise Unauthorized(_WRONG_PAIR)
    if user is None or tenant is None:
        raise Unauthorized(_WRONG_PAIR)
    login_throttle.forget_failures(deps, limits, found)
    session, tokens = _sign_in(deps, user, tenant)
    deps.store.commit(tokens)
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
    return decide(lambda: _rotate(deps, _token_ref(fingerprint(token)), claims))


def whoami(deps: Deps, principal: Principal) -> User | None:
    """The user who is calling; None when an API key is. Raises `NotFound` when the user is gone."""
    if principal.user_id is None:
        return None
    ref = user_ref(principal.user_id)
    document = deps.store.get([ref]).get(ref)
    if document is None or document.data["tenant_id"] != principal.tenant_id:
        raise NotFound("This user does not exist any more")
    return User.model_validate(document.data)


def _rotate(deps: Deps, spent_ref: Ref, claims: RefreshClaims) -> Session:
    family_ref = _token_ref(claims.family)
    owner_ref, tenant_ref = user_ref(claims.user_id), refs.tenant(claims.tenant_id)
    found = deps.store.get([spent_ref, family_ref, owner_ref, tenant_ref])
    if len(found) < 4 or RefreshToken.model_validate(found[family_ref].data).revoked:
        raise Unauthorized(_REFUSED)
    spent = RefreshToken.model_validate(found[spent_ref].data)
    if spent.replaced_at is not None and spent.replaced_at + GRACE <= deps.now():
        deps.store.commit([Merge(family_ref, {"revoked": True})])
        raise Unauthorized(_REFUSED)
    user, tenant = User.model_validate(found[owner_ref].data), Tenant.model_validate(found[tenant_ref].data)
    session, writes = _sign_in(deps, user, tenant, claims.family)
    if spent.replaced_at is None:
        writes.append(Merge(spent_ref, {"replaced_at": deps.now()}, found[spent_ref].version))
    deps.store.commit(writes)
    return session


def _sign_in(deps: Deps, user: User, tenant: Tenant, family: str | None = None) -> tuple[Session, list[Write]]:
    """Make tokens, and the writes that remember the refresh token; without `family` they begin one."""
    settings = deps.settings
    issued, expires = span(deps.now(), settings.jwt_access_ttl)
    access = AccessClaims(
        user_id=user.id, tenant_id=user.tenant_id, email=user.email, role=user.role, iat=issued, exp=expires
    )
    issued, expires = span(deps.now(), settings.jwt_refresh_ttl)
    renewal = RefreshClaims(
        user_id=user.id,
        tenant_id=user.tenant_id,
        type="refresh",
        family=family or new_id(),
        iat=issued,
        exp=expires,
    )
    token = sign(renewal, refresh_key(deps))
    session = Session(sign(access, access_key(deps)), token, user, tenant)
    return session, _remembered(deps, token, renewal, begins=family is None)


def _remembered(deps: Deps, token: str, claims: RefreshClaims, *, begins: bool) -> list[Write]:
    """Keep a refresh token's hash.

    A document named by the family holds what ends all of its tokens, so that one
    made while that happens is ended as well.
    """
    kept = RefreshToken(
        id=fingerprint(token),
        tenant_id=claims.tenant_id,
        user_id=claims.user_id,
        family=claims.family,
        expires_at=deps.now() + timedelta(seconds=deps.settings.jwt_refresh_ttl),
        created_at=deps.now(),
    )
    writes: list[Write] = [Create(_token_ref(kept.id), kept.model_dump())]
    family_ref = _token_ref(claims.family)
    if begins:
        writes.append(Create(family_ref, kept.model_dump() | {"id": claims.family}))
    else:
        writes.append(Merge(family_ref, {"expires_at": kept.expires_at}))
    return writes


def _owner_of(deps: Deps, reservation: Document | None) -> tuple[User | None, Tenant | None]:
    if reservation is None:
        return None, None
    owner_ref, tenant_ref = user_ref(reservation.data["user_id"]), refs.tenant(reservation.data["tenant_id"])
    found = deps.store.get([owner_ref, tenant_ref])
    if len(found) < 2:
        return None, None
    return User.model_validate(found[owner_ref].data), Tenant.model_validate(found[tenant_ref].data)


def _canonical(email: str) -> str:
    """The one spelling of all that look the same."""
    return unicodedata.normalize("NFC", email.strip().lower())


def checked_email(email: str) -> str:
    """The address as it is kept; raises `BadRequest` for what is none."""
    email = _canonical(email)
    if len(email) > 254 or not _EMAIL.fullmatch(email) or any(unicodedata.category(one)[0] in "CZ" for one in email):
        raise BadRequest("email: must be an e-mail address", {"email": "must be an e-mail address"})
    return email


def check_password(password: str) -> None:
    """Raises `BadRequest` for one that is too short or too long."""
    if not passwords.MIN_LENGTH <= len(password) <= passwords.MAX_LENGTH:
        problem = f"must have {passwords.MIN_LENGTH} to {passwords.MAX_LENGTH} characters"
        raise BadRequest(f"password: {problem}", {"password": problem})


def user_ref(user_id: str) -> Ref:
    return Ref("users", user_id)


def email_ref(email: str) -> Ref:
    """The document that says whose an address is, and keeps it from being anybody else's."""
    return Ref("emails", fingerprint(email))


def _token_ref(token_id: str) -> Ref:
    return Ref("refresh_tokens", token_id)
