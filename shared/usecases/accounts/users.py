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
from shared.domain.accounts import EmailReservation, Principal, Role, Tenant, User
from shared.domain.ids import new_id
from shared.errors import Collision, Forbidden
from shared.usecases.accounts import links, sign_ins, tenants
from shared.usecases.accounts.accounts import EMAIL_IN_USE, checked_email, hashed_password
from shared.usecases.accounts.credentials import forget_user

MAX_PAGE = 100


def invite(deps: Deps, caller: Principal, email: str, password: str, role: Role, name: str | None = None) -> User:
    """Add a user who can sign in at once.

    Raises `Forbidden`, `BadRequest`, and `Collision` for an address that has an account.
    """
    _check_may_manage(caller, role)
    email = checked_email(email)
    password_hash = hashed_password(password)
    user = User(
        id=new_id(),
        tenant_id=caller.tenant_id,
        email=email,
        name=name,
        role=role,
        password_hash=password_hash,
        created_at=deps.now(),
    )

    def attempt(unit: UnitOfWork) -> None:
        email_id = ids.email(email)
        unit.fetch(unit.tenants.key(user.tenant_id), unit.emails.key(email_id))
        tenants.get_or_add(unit, user.tenant_id, deps.now())
        if unit.emails.get(email_id) is not None:
            raise Collision(EMAIL_IN_USE)
        unit.emails.add(EmailReservation.of(user), email_id)
        unit.users.add(user)

    run_with_retry(deps, attempt, retry_existing=True)
    return user


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
        return user

    user = run_with_retry(deps, attempt, retry_existing=True)
    forget_user(deps, user)
    return user


def reset_link(deps: Deps, caller: Principal, user_id: str) -> str:
    """The address at which a user may choose a new password, for somebody who owns the tenant. Raises `NotFound`."""

    def attempt(unit: UnitOfWork) -> str:
        return links.add_reset_link(deps, unit, unit.users.owned(caller.tenant_id, user_id))

    return run_with_retry(deps, attempt)


def operators_reset_link(deps: Deps, tenant_id: str, email: str) -> str:
    """The same for whoever operates the hub, by the user's e-mail address. Raises `NotFound`."""

    def attempt(unit: UnitOfWork) -> str:
        reservation = unit.emails.get(ids.email(checked_email(email)))
        return links.add_reset_link(deps, unit, unit.users.owned(tenant_id, reservation.user_id if reservation else ""))

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
        unit.users.remove(user.id)
        unit.emails.remove(ids.email(user.email))
        return user

    forget_user(deps, run_with_retry(deps, attempt, retry_existing=True))


def _give_up_ownership(unit: UnitOfWork, tenant: Tenant, user: User) -> None:
    """Raises `Collision` when there is no other owner."""
    owners = unit.users.query().where(lambda user: user.tenant_id, "==", tenant.id)
    page = owners.where(lambda user: user.role, "==", Role.OWNER).page(limit=2)
    if all(owner.id == user.id for owner in page.documents):
        raise Collision("The last owner cannot be removed or demoted: make another user an owner first")
    tenants.revise(tenant)


def _check_may_manage(caller: Principal, *roles: Role) -> None:
    if caller.role is not Role.OWNER and any(role in (Role.OWNER, Role.ADMIN) for role in roles):
        raise Forbidden("Only an owner may make, change or remove owners and admins")
