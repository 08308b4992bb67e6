"""A tenant's users: inviting, changing and removing them.

Admins look after agents and viewers; only owners make, change or remove owners
and admins. A tenant keeps an owner: every loss of one writes the tenant's
document at the version that was read before the owners were looked up, so that
two at once cannot both take what they see as the last but one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared.deps import Deps
from shared.domain.accounts import Principal, Role, User
from shared.domain.ids import new_id
from shared.errors import AlreadyExists, Collision, Forbidden, NotFound
from shared.ports.store import Create, Delete, Document, Merge, Order, Where, Write
from shared.security import passwords
from shared.usecases.accounts import tenants
from shared.usecases.accounts.accounts import check_password, checked_email, email_ref, user_ref
from shared.usecases.accounts.credentials import forget_user
from shared.usecases.retrying import decide

MOST = 100


def invite(deps: Deps, caller: Principal, email: str, password: str, role: Role, name: str | None = None) -> User:
    """Make a user who can sign in at once.

    Raises `Forbidden`, `BadRequest`, and `Collision` for an address that has an account.
    """
    _check_may_manage(caller, role)
    email = checked_email(email)
    check_password(password)
    tenants.ensure(deps, caller.tenant_id)
    user = User(
        id=new_id(),
        tenant_id=caller.tenant_id,
        email=email,
        name=name,
        role=role,
        password_hash=passwords.hash_password(password),
        created_at=deps.now(),
    )
    reservation = {"tenant_id": user.tenant_id, "user_id": user.id, "created_at": user.created_at}
    try:
        deps.store.commit([Create(email_ref(email), reservation), Create(user_ref(user.id), user.model_dump())])
    except AlreadyExists:
        raise Collision("This e-mail address is already registered") from None
    return user


def list_users(deps: Deps, tenant_id: str, limit: int = 50, cursor: str | None = None) -> tuple[list[User], str | None]:
    """Return one page of a tenant's users, oldest first, and the cursor of the next."""
    where = [Where("tenant_id", "==", tenant_id)]
    page = deps.store.find("users", where, [Order("created_at")], min(limit, MOST), cursor)
    return [User.model_validate(document.data) for document in page.documents], page.cursor


def change(deps: Deps, caller: Principal, user_id: str, changes: Mapping[str, Any]) -> User:
    """Change `role` or `name`.

    Raises `NotFound`, `Forbidden`, and `Collision` for the last owner's role.
    """

    def attempt() -> User:
        tenant = tenants.ensure(deps, caller.tenant_id)
        document = _own(deps, caller.tenant_id, user_id)
        before = User.model_validate(document.data)
        after = User.model_validate({**document.data, **changes})
        _check_may_manage(caller, before.role, after.role)
        writes: list[Write] = [Merge(document.ref, dict(changes), document.version)] if changes else []
        if before.role is Role.OWNER and after.role is not Role.OWNER:
            writes.append(_without_owner(deps, tenant, before))
        deps.store.commit(writes)
        return after

    changed = decide(attempt)
    forget_user(deps, user_id)
    return changed


def remove(deps: Deps, caller: Principal, user_id: str) -> None:
    """Take a user away; his tokens end, and the keys that were made for him.

    Raises `NotFound`, `Forbidden`, and `Collision` for the last owner.
    """

    def attempt() -> None:
        tenant = tenants.ensure(deps, caller.tenant_id)
        document = _own(deps, caller.tenant_id, user_id)
        user = User.model_validate(document.data)
        _check_may_manage(caller, user.role)
        writes: list[Write] = [Delete(document.ref, document.version), Delete(email_ref(user.email))]
        if user.role is Role.OWNER:
            writes.append(_without_owner(deps, tenant, user))
        deps.store.commit(writes)

    decide(attempt)
    forget_user(deps, user_id)


def _without_owner(deps: Deps, tenant: Document, user: User) -> Write:
    """Raises `Collision` when there is no other owner."""
    owners = deps.store.find(
        "users", [Where("tenant_id", "==", user.tenant_id), Where("role", "==", Role.OWNER.value)], limit=2
    )
    if all(document.id == user.id for document in owners.documents):
        raise Collision("The last owner stays; make another one first")
    # A value of its own, for a write that changes nothing may keep the version.
    return Merge(tenant.ref, {"owners_changed": new_id()}, tenant.version)


def _check_may_manage(caller: Principal, *roles: Role) -> None:
    if caller.role is not Role.OWNER and any(role in (Role.OWNER, Role.ADMIN) for role in roles):
        raise Forbidden("Only an owner may make, change or remove owners and admins")


def _own(deps: Deps, tenant_id: str, user_id: str) -> Document:
    ref = user_ref(user_id)
    document = deps.store.get([ref]).get(ref)
    if document is None or document.data["tenant_id"] != tenant_id:
        raise NotFound("There is no such user")
    return document
