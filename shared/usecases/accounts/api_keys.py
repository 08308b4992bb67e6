"""A tenant's API keys: made once in clear, kept as hashes."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from shared.deps import Deps
from shared.domain.accounts import ApiKey, Principal, Role
from shared.errors import BadRequest, Forbidden, NotFound
from shared.ports.store import Create, Delete, Order, Ref, Where
from shared.security.tokens import fingerprint
from shared.usecases.accounts import tenants
from shared.usecases.accounts.credentials import KEY_SIGN, READ_SECRETS, forget_key

READ, WRITE = "read", "write"
MOST = 100

_SHOWN = 8
_LONGEST = timedelta(days=3650)


def create(
    deps: Deps,
    caller: Principal,
    name: str,
    role: Role = Role.ADMIN,
    scopes: Sequence[str] | None = None,
    expires_at: datetime | None = None,
) -> tuple[ApiKey, str]:
    """Make a key; returns it with the credential, which nobody can tell later.

    Without `scopes` it may read and write. Raises `Forbidden` for a key that may
    do more than its maker, and `BadRequest` for an end that is past or too far off.
    """
    wanted = _complete(scopes)
    _check_may_grant(caller, role, wanted)
    _check_end(deps, expires_at)
    tenants.ensure(deps, caller.tenant_id)
    credential = KEY_SIGN + secrets.token_urlsafe(32)
    key = ApiKey(
        id=fingerprint(credential),
        tenant_id=caller.tenant_id,
        name=name,
        prefix=credential[:_SHOWN],
        role=role,
        scopes=wanted,
        expires_at=expires_at,
        created_at=deps.now(),
        created_by=caller.answerable,
    )
    deps.store.commit([Create(_ref(key.id), key.model_dump())])
    return key, credential


def list_keys(
    deps: Deps, tenant_id: str, limit: int = 50, cursor: str | None = None
) -> tuple[list[ApiKey], str | None]:
    """Return one page of a tenant's keys, oldest first, and the cursor of the next."""
    where = [Where("tenant_id", "==", tenant_id)]
    page = deps.store.find("api_keys", where, [Order("created_at")], min(limit, MOST), cursor)
    return [ApiKey.model_validate(document.data) for document in page.documents], page.cursor


def revoke(deps: Deps, caller: Principal, key_id: str) -> None:
    """End a key: at once here, in other processes within 30 s. Raises `NotFound`, and `Forbidden` for an owner's."""
    document = deps.store.get([_ref(key_id)]).get(_ref(key_id))
    if document is None or document.data["tenant_id"] != caller.tenant_id:
        raise NotFound("There is no such API key")
    if not caller.role.covers(Role(document.data["role"])):
        raise Forbidden("Only an owner may revoke an owner's key")
    deps.store.commit([Delete(document.ref)])
    forget_key(deps, key_id)


def _complete(scopes: Sequence[str] | None) -> list[str]:
    """Whoever may read secrets may read."""
    given = set((READ, WRITE) if scopes is None else scopes)
    return sorted(given | {READ} if READ_SECRETS in given else given)


def _check_may_grant(caller: Principal, role: Role, scopes: Sequence[str]) -> None:
    if not caller.role.covers(role):
        raise Forbidden(f"A key of the role {role.value} can only be made by somebody who has it")
    may = {READ: caller.may_read, WRITE: caller.may_write, READ_SECRETS: caller.may_read_secrets}
    for scope in scopes:
        if not may[scope]:
            raise Forbidden(f"A key with the scope {scope} can only be made by somebody who has it")


def _check_end(deps: Deps, expires_at: datetime | None) -> None:
    if expires_at is not None and not deps.now() < expires_at <= deps.now() + _LONGEST:
        problem = "must be in the future, and within ten years"
        raise BadRequest(f"expiresAt: {problem}", {"expiresAt": problem})


def _ref(key_id: str) -> Ref:
    return Ref("api_keys", key_id)
