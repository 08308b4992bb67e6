"""Credentials for tests, put straight into the store."""

from __future__ import annotations

import secrets
from collections.abc import Iterable

from shared.deps import Deps
from shared.domain.accounts import ApiKey, Role
from shared.ports.store import Create, Ref
from shared.security.tokens import fingerprint


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
