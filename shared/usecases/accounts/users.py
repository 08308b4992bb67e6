"""A tenant's users: inviting, changing and removing them.

Admins look after agents and viewers; only owners add, change or remove owners
and admins. A tenant keeps an owner: every loss of one revises the tenant, which
was read before the owners were looked up, so that of two at once one is decided again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared.deps import Deps
from shared.documents import ids
from shared.documents.retry import run_with_retry
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.accounts import AccountLink, LinkPurpose, Principal, Role, Tenant, User
from shared.errors import BadRequest, Collision, Forbidden, NotFound
from shared.usecases.accounts import accounts, availabilities, links, sign_ins, tenants
from shared.usecases.accounts.accounts import EMAIL_IN_USE, checked_email, remove_user
from shared.usecases.accounts.credentials import forget_user

MAX_PAGE = 100

_NO_PROFILE = "A key has no profile: sign in as a user"


def invite(deps: Deps, caller: Principal, email: str, role: Role, name: str | None = None) -> tuple[AccountLink, str]:
    """Offer somebody a role; returns the invitation and the address at which they accept it.

    Until they do, nothing keeps them from registering or from joining others. Raises `Forbidden`, `BadRequest`, and
    `Collision` for an address that has a user in this tenant.
    """
    _check_may_manage(caller, role)
    return _invite(deps, caller.tenant_id, checked_email(email), role, name, caller.answerable)


def operators_invitation(deps: Deps, tenant_id: str, email: str, role: Role) -> str:
    """The address at which somebody becomes a user of any tenant, for whoever operates the hub."""
    return _invite(deps, tenant_id, checked_email(email), role, None, None)[1]


def _invite(
    deps: Deps, tenant_id: str, email: str, role: Role, name: str | None, created_by: str | None
) -> tuple[AccountLink, str]:
    def attempt(unit: UnitOfWork) -> tuple[AccountLink, str]:
        users = unit.emails.get(ids.email(email))
        if users and users.user_in(tenant_id):
            raise Collision(EMAIL_IN_USE)
        return links.add_invitation(deps, unit, tenant_id, email, role, name, created_by)

    return run_with_retry(deps, attempt)


def list_invitations(
    deps: Deps, tenant_id: str, limit: int = 50, cursor: str | None = None
) -> tuple[list[AccountLink], str | None]:
    """Return one page of the invitations that can still be accepted, oldest first, and the cursor of the next."""
    query = UnitOfWork(deps.store).account_links.query().where(lambda link: link.tenant_id, "==", tenant_id)
    query = query.where(lambda link: link.purpose, "==", LinkPurpose.INVITATION)
    page = query.order_by(lambda link: link.created_at).page(min(limit, MAX_PAGE), cursor)
    return [link for link in page.documents if link.expires_at > deps.now()], page.cursor


def withdraw(deps: Deps, caller: Principal, invitation_id: str) -> None:
    """End an invitation. Raises `NotFound`, and `Forbidden` as for a user of that role."""

    def attempt(unit: UnitOfWork) -> None:
        link = unit.account_links.owned(caller.tenant_id, invitation_id)
        if link.role is None:  # it is no invitation
            raise NotFound("There is no such invitation")
        _check_may_manage(caller, link.role)
        unit.account_links.remove(link.id)

    run_with_retry(deps, attempt)


def list_users(deps: Deps, tenant_id: str, limit: int = 50, cursor: str | None = None) -> tuple[list[User], str | None]:
    """Return one page of a tenant's users, oldest first, and the cursor of the next."""
    query = UnitOfWork(deps.store).users.query().where(lambda user: user.tenant_id, "==", tenant_id)
    page = query.order_by(lambda user: user.created_at).page(min(limit, MAX_PAGE), cursor)
    return page.documents, page.cursor


def change(deps: Deps, caller: Principal, user_id: str, changes: Mapping[str, Any]) -> User:
    """Change `role` or `name`.

    Raises `NotFound`, `Forbidden`, and `Collision` for the last owner's role.
    """

    def attempt(unit: UnitOfWork) -> User:
        tenant = tenants.get_or_add(unit, caller.tenant_id, deps.now())
        user = unit.users.owned(caller.tenant_id, user_id)
        former_role = user.role
        unit.users.change(user, changes)
        _check_may_manage(caller, former_role, user.role)
        if former_role is Role.OWNER and user.role is not Role.OWNER:
            _give_up_ownership(unit, tenant, user)
        if former_role.covers(Role.AGENT) and not user.role.covers(Role.AGENT):
            availabilities.note_removal(deps, unit, user)
        return user

    user = run_with_retry(deps, attempt)
    forget_user(deps, user)
    return user


def own(deps: Deps, caller: Principal) -> User:
    """The user who is calling. Raises `BadRequest` for a key, and `NotFound` for a user who was removed."""
    user = accounts.current_user(deps, caller)
    if user is None:
        raise BadRequest(_NO_PROFILE)
    return user


def change_own(deps: Deps, caller: Principal, changes: Mapping[str, Any]) -> User:
    """Change the caller's own name, and how they want pages to be; raises as `own`."""
    user_id = caller.user_id
    if user_id is None:
        raise BadRequest(_NO_PROFILE)

    def attempt(unit: UnitOfWork) -> User:
        user = unit.users.owned(caller.tenant_id, user_id)
        unit.users.change(user, changes)
        return user

    user = run_with_retry(deps, attempt)
    forget_user(deps, user)
    return user


def reset_link(deps: Deps, caller: Principal, user_id: str) -> str:
    """The address at which a user may choose a new password, for somebody who owns the tenant. Raises `NotFound`."""

    def attempt(unit: UnitOfWork) -> str:
        return links.add_reset_link(deps, unit, unit.users.owned(caller.tenant_id, user_id), caller.answerable)

    return run_with_retry(deps, attempt)


def operators_reset_link(deps: Deps, tenant_id: str, email: str) -> str:
    """The same for whoever operates the hub, by the user's e-mail address. Raises `NotFound`."""

    def attempt(unit: UnitOfWork) -> str:
        users = unit.emails.get(ids.email(checked_email(email)))
        user_id = users.user_in(tenant_id) if users else None
        return links.add_reset_link(deps, unit, unit.users.owned(tenant_id, user_id or ""), None)

    return run_with_retry(deps, attempt)


def end_sign_ins(deps: Deps, caller: Principal, user_id: str) -> None:
    """End all tokens of a user, whose password stays as it is. Raises `NotFound` and `Forbidden`."""

    def attempt(unit: UnitOfWork) -> None:
        user = unit.users.owned(caller.tenant_id, user_id)
        _check_may_manage(caller, user.role)
        sign_ins.end_all(deps, unit, user)

    run_with_retry(deps, attempt)


def remove(deps: Deps, caller: Principal, user_id: str) -> None:
    """Remove a user; their tokens end, and the keys that were created for them.

    Raises `NotFound`, `Forbidden`, and `Collision` for the last owner.
    """

    def attempt(unit: UnitOfWork) -> User:
        tenant = tenants.get_or_add(unit, caller.tenant_id, deps.now())
        user = unit.users.owned(caller.tenant_id, user_id)
        _check_may_manage(caller, user.role)
        if user.role is Role.OWNER:
            _give_up_ownership(unit, tenant, user)
        remove_user(unit, user)
        availabilities.note_removal(deps, unit, user)
        return user

    forget_user(deps, run_with_retry(deps, attempt))


def _give_up_ownership(unit: UnitOfWork, tenant: Tenant, user: User) -> None:
    """Raises `Collision` when there is no other owner."""
    owners = unit.users.query().where(lambda user: user.tenant_id, "==", tenant.id)
    page = owners.where(lambda user: user.role, "==", Role.OWNER).page(limit=2)
    if all(owner.id == user.id for owner in page.documents):
        raise Collision("The last owner cannot be removed or demoted: make another user an owner first")
    tenants.revise(tenant)


def _check_may_manage(caller: Principal, *roles: Role) -> None:
    if not all(caller.role.may_manage(role) for role in roles):
        raise Forbidden("Only an owner may make, change or remove owners and admins")
