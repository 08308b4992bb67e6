"""Credentials for tests, put straight into the store."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from datetime import timedelta
from functools import cache

from shared.deps import Deps
from shared.documents import ids
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.accounts import ApiKey, EmailUsers, Membership, Role, Tenant, User
from shared.domain.ids import new_id
from shared.ports.store import Create, Ref
from shared.security.tokens import AccessClaims, fingerprint, sign, span
from shared.usecases.accounts.credentials import access_key
from tests.cheap_passwords import CHEAP_PASSWORDS

PASSWORD = "correct horse"
_TEN_YEARS = int(timedelta(days=3650).total_seconds())
"""A test may let time pass without signing in again."""


def key_for(deps: Deps, tenant_id: str, role: Role = Role.ADMIN, scopes: Iterable[str] = ()) -> dict[str, str]:
    """The headers of somebody with an API key of that tenant."""
    credential = f"test_{secrets.token_hex(16)}"
    key = ApiKey(
        id=fingerprint(credential),
        tenant_id=tenant_id,
        name="test",
        prefix=credential[:8],
        role=role,
        scopes=list(scopes),
        created_at=deps.now(),
    )
    deps.store.commit([Create(Ref("api_keys", key.id), key.model_dump())])
    return {"Authorization": f"Bearer {credential}"}


def new_owner(deps: Deps, email: str) -> User:
    """A new tenant's owner, who can sign in with `PASSWORD`: as if they had registered, without the cost of hashing.

    The tenant's conversations may be given to anybody.
    """
    tenant = Tenant(id=new_id(), name=email.partition("@")[0], external_agents=True, created_at=deps.now())
    user = User(
        id=new_id(),
        tenant_id=tenant.id,
        email=email,
        role=Role.OWNER,
        password_hash=_password_hash(),
        created_at=tenant.created_at,
    )
    unit = UnitOfWork(deps.store)
    membership = Membership(tenant_id=tenant.id, user_id=user.id, registered=True)
    unit.emails.add(EmailUsers(memberships=[membership], created_at=user.created_at), ids.email(email))
    unit.users.add(user)
    unit.tenants.add(tenant)
    unit.commit()
    return user


def signed_in(deps: Deps, user: User) -> dict[str, str]:
    """The headers of a user with an access token."""
    issued, expires = span(deps.now(), _TEN_YEARS)
    claims = AccessClaims(
        user_id=user.id, tenant_id=user.tenant_id, email=user.email, role=user.role, iat=issued, exp=expires
    )
    return {"Authorization": f"Bearer {sign(claims, access_key(deps))}"}


@cache
def _password_hash() -> str:
    return CHEAP_PASSWORDS.hash(PASSWORD)
