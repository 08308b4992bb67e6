"""Account links: whoever holds one may do one thing without a credential, once, and chooses a password for it."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import quote

from shared.deps import Deps
from shared.documents.retry import run_with_retry
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.accounts import AccountLink, Device, LinkPurpose, Role, User
from shared.domain.ids import new_id
from shared.errors import BadRequest, Collision, Unauthorized
from shared.security.tokens import fingerprint
from shared.usecases.accounts import accounts, sign_ins, tenants
from shared.usecases.accounts.sign_ins import Session

PATH = "/api/auth/link"
"""Where the page of a link is served."""

SETUP_VALID = RESET_VALID = timedelta(days=1)
INVITATION_VALID = timedelta(days=7)

_REACHED_AT = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - no address to bind
"""What a browser on the same machine can open, for the `HOST` of a hub that listens everywhere."""

_NO_SUCH_LINK = "This link is not valid any more: ask for a new one"


@dataclass(frozen=True, slots=True)
class Choices:
    """What the holder of a link enters: `email` and `tenant_name` for a set-up, `name` not for a reset."""

    password: str
    name: str | None = None
    email: str | None = None
    tenant_name: str | None = None


def needs_owner(deps: Deps) -> bool:
    """Whether nobody can sign in to the deployment's own tenant."""
    return not _has_users(UnitOfWork(deps.store), deps.settings.default_tenant_id)


def create_setup_link(deps: Deps) -> str:
    """The address at which the first owner of `DEFAULT_TENANT_ID` signs up; raises `Collision` if it has users."""

    def attempt(unit: UnitOfWork) -> str:
        _check_is_not_set_up(unit, deps.settings.default_tenant_id)
        return _add(deps, unit, LinkPurpose.SETUP, deps.settings.default_tenant_id, SETUP_VALID)[1]

    return run_with_retry(deps, attempt)


def add_reset_link(deps: Deps, unit: UnitOfWork, user: User, created_by: str | None) -> str:
    """The address at which the user may choose a new password, from the unit's commit on until it changes."""
    target = {"user_id": user.id, "password_mark": fingerprint(user.password_hash), "created_by": created_by}
    return _add(deps, unit, LinkPurpose.RESET, user.tenant_id, RESET_VALID, **target)[1]


def add_invitation(
    deps: Deps, unit: UnitOfWork, tenant_id: str, email: str, role: Role, name: str | None, created_by: str | None
) -> tuple[AccountLink, str]:
    """The invitation, and the address at which somebody accepts it, from the unit's commit on."""
    offer = {"email": email, "role": role, "name": name, "created_by": created_by}
    return _add(deps, unit, LinkPurpose.INVITATION, tenant_id, INVITATION_VALID, **offer)


def look_up(deps: Deps, token: str) -> AccountLink:
    """What a link is for; raises `Unauthorized` for one that was used, has expired or never was."""
    return _valid(deps, UnitOfWork(deps.store), token)


def follow(deps: Deps, token: str, choices: Choices, device: Device = accounts.UNKNOWN_DEVICE) -> Session:
    """Do what the link is for, sign its holder in, and end the link: all of it or nothing.

    Raises `Unauthorized` as `look_up` does and for a user who is gone, `BadRequest` for a choice that cannot be, and
    `Collision` where it is too late.
    """
    do = {LinkPurpose.SETUP: _set_up, LinkPurpose.INVITATION: _accept, LinkPurpose.RESET: _reset}
    return do[look_up(deps, token).purpose](deps, token, choices, device)


def set_up(deps: Deps, token: str, choices: Choices, device: Device = accounts.UNKNOWN_DEVICE) -> Session:
    """Make the first owner of `DEFAULT_TENANT_ID`, as `follow` does; raises `Unauthorized` for another kind of link."""
    if look_up(deps, token).purpose is not LinkPurpose.SETUP:
        raise Unauthorized(_NO_SUCH_LINK)
    return _set_up(deps, token, choices, device)


def _set_up(deps: Deps, token: str, choices: Choices, device: Device) -> Session:
    if choices.email is None:
        raise BadRequest.of_field("email", "is needed: it is what you will sign in with")
    owner = accounts.NewOwner(
        email=accounts.checked_email(choices.email),
        password_hash=accounts.hashed_password(deps, choices.password),
        name=choices.name,
        tenant_name=choices.tenant_name,
        device=device,
    )

    def attempt(unit: UnitOfWork) -> Session:
        link = _use_up(deps, unit, token)
        # Before its users are looked for: who makes one meanwhile changes the tenant.
        unit.fetch(unit.tenants.key(link.tenant_id))
        _check_is_not_set_up(unit, link.tenant_id)
        return accounts.add_owner(deps, unit, link.tenant_id, owner)

    return run_with_retry(deps, attempt)


def _accept(deps: Deps, token: str, choices: Choices, device: Device) -> Session:
    password_hash = accounts.hashed_password(deps, choices.password)

    def attempt(unit: UnitOfWork) -> Session:
        link = _use_up(deps, unit, token)
        if link.email is None or link.role is None or not _may_still_manage(unit, link, link.role):
            raise Unauthorized(_NO_SUCH_LINK)
        user = User(
            id=new_id(),
            tenant_id=link.tenant_id,
            email=link.email,
            name=choices.name or link.name,
            role=link.role,
            password_hash=password_hash,
            created_at=deps.now(),
        )
        tenant = tenants.get_or_add(unit, link.tenant_id, deps.now())
        accounts.add_user(unit, user)
        return sign_ins.begin(deps, unit, user, tenant, device)

    return run_with_retry(deps, attempt)


def _may_still_manage(unit: UnitOfWork, link: AccountLink, role: Role) -> bool:
    """Whether the user who made a link could make it now; an operator or the deployment's key always could."""
    if link.created_by is None:
        return True
    maker = unit.users.owned_or_none(link.tenant_id, link.created_by)
    return maker is not None and maker.role.may_manage(role)


def _reset(deps: Deps, token: str, choices: Choices, device: Device) -> Session:
    password_hash = accounts.hashed_password(deps, choices.password)

    def attempt(unit: UnitOfWork) -> Session:
        link = _use_up(deps, unit, token)
        user = unit.users.owned_or_none(link.tenant_id, link.user_id or "")
        # Only owners make these links, for whomever.
        if user is None or not _may_still_manage(unit, link, Role.OWNER):
            raise Unauthorized(_NO_SUCH_LINK)
        if link.password_mark not in (None, fingerprint(user.password_hash)):
            raise Unauthorized(_NO_SUCH_LINK)
        return accounts.choose_password(deps, unit, user, password_hash, device)

    return run_with_retry(deps, attempt)


def _add(
    deps: Deps, unit: UnitOfWork, purpose: LinkPurpose, tenant_id: str, valid: timedelta, **fields: Any
) -> tuple[AccountLink, str]:
    """Add a link; returns it with its address, which nobody can read later."""
    token = secrets.token_urlsafe(32)
    link = AccountLink(
        id=fingerprint(token),
        tenant_id=tenant_id,
        purpose=purpose,
        expires_at=deps.now() + valid,
        created_at=deps.now(),
        **fields,
    )
    unit.account_links.add(link)
    return link, address(deps, token)


def address(deps: Deps, token: str) -> str:
    """Where a browser opens the link."""
    settings = deps.settings
    host = _REACHED_AT.get(settings.host, settings.host)
    own = f"http://[{host}]:{settings.port}" if ":" in host else f"http://{host}:{settings.port}"
    return f"{settings.own_address or own}{PATH}?token={quote(token)}"


def _valid(deps: Deps, unit: UnitOfWork, token: str) -> AccountLink:
    link = unit.account_links.of_any_tenant(fingerprint(token))
    if link is None or link.expires_at <= deps.now():
        raise Unauthorized(_NO_SUCH_LINK)
    return link


def _use_up(deps: Deps, unit: UnitOfWork, token: str) -> AccountLink:
    """Of two that follow a link at once, one finds it gone."""
    link = _valid(deps, unit, token)
    unit.account_links.remove(link.id)
    return link


def _check_is_not_set_up(unit: UnitOfWork, tenant_id: str) -> None:
    if _has_users(unit, tenant_id):
        raise Collision("This hub is set up already: sign in, or have an owner or an admin invite you")


def _has_users(unit: UnitOfWork, tenant_id: str) -> bool:
    return unit.users.query().where(lambda user: user.tenant_id, "==", tenant_id).first() is not None
