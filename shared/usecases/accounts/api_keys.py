"""A tenant's API keys: shown once when they are created, stored as hashes."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from shared.deps import Deps
from shared.documents.retry import run_with_retry
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.accounts import ApiKey, Principal, Role
from shared.errors import BadRequest, Forbidden
from shared.security.tokens import fingerprint
from shared.usecases.accounts import tenants
from shared.usecases.accounts.credentials import KEY_PREFIX, READ_SECRETS, forget_key

READ, WRITE = "read", "write"
MAX_PAGE = 100

_SHOWN_CHARACTERS = 8
_MAX_LIFETIME = timedelta(days=3650)


def create(
    deps: Deps,
    caller: Principal,
    name: str,
    role: Role = Role.ADMIN,
    scopes: Sequence[str] | None = None,
    expires_at: datetime | None = None,
) -> tuple[ApiKey, str]:
    """Create a key; returns it with the credential, which nobody can read later.

    Without `scopes` it may read and write. Raises `Forbidden` for a key that may
    do more than the caller, and `BadRequest` for an end that is past or too far off.
    """
    key_scopes = _with_implied_scopes((READ, WRITE) if scopes is None else scopes)
    _check_may_grant(caller, role, key_scopes)
    _check_end(deps, expires_at)
    credential = KEY_PREFIX + secrets.token_urlsafe(32)
    key = ApiKey(
        id=fingerprint(credential),
        tenant_id=caller.tenant_id,
        name=name,
        prefix=credential[:_SHOWN_CHARACTERS],
        role=role,
        scopes=key_scopes,
        expires_at=expires_at,
        created_at=deps.now(),
        created_by=caller.answerable,
    )

    def attempt(unit: UnitOfWork) -> None:
        tenants.get_or_add(unit, caller.tenant_id, deps.now())
        unit.api_keys.add(key)

    run_with_retry(deps, attempt)
    return key, credential


def list_keys(
    deps: Deps, tenant_id: str, limit: int = 50, cursor: str | None = None
) -> tuple[list[ApiKey], str | None]:
    """Return one page of a tenant's keys, oldest first, and the cursor of the next."""
    query = UnitOfWork(deps.store).api_keys.query().where(lambda key: key.tenant_id, "==", tenant_id)
    page = query.order_by(lambda key: key.created_at).page(min(limit, MAX_PAGE), cursor)
    return page.documents, page.cursor


def revoke(deps: Deps, caller: Principal, key_id: str) -> None:
    """End a key: at once here, in other processes within 30 s. Raises `NotFound`, and `Forbidden` for an owner's."""

    def attempt(unit: UnitOfWork) -> None:
        key = unit.api_keys.owned(caller.tenant_id, key_id)
        if not caller.role.covers(key.role):
            raise Forbidden("Only an owner may revoke an owner's key")
        unit.api_keys.remove(key_id)

    run_with_retry(deps, attempt)
    forget_key(deps, key_id)


def _with_implied_scopes(scopes: Sequence[str]) -> list[str]:
    """Whoever may read secrets may read."""
    implied = {READ} if READ_SECRETS in scopes else set()
    return sorted({*scopes} | implied)


def _check_may_grant(caller: Principal, role: Role, scopes: Sequence[str]) -> None:
    if not caller.role.covers(role):
        raise Forbidden(f"A key of the role {role.value} can only be made by somebody who has it")
    allowed = {READ: caller.may_read, WRITE: caller.may_write, READ_SECRETS: caller.may_read_secrets}
    for scope in scopes:
        if not allowed[scope]:
            raise Forbidden(f"A key with the scope {scope} can only be made by somebody who has it")


def _check_end(deps: Deps, expires_at: datetime | None) -> None:
    if expires_at is not None and not deps.now() < expires_at <= deps.now() + _MAX_LIFETIME:
        problem = "must be in the future, and within ten years"
        raise BadRequest.of_field("expires_at", problem)
