"""Tenants as documents."""

from __future__ import annotations

from shared.deps import Deps
from shared.domain.accounts import Tenant
from shared.ports.store import Document, Merge
from shared.usecases import refs


def ensure(deps: Deps, tenant_id: str) -> Document:
    """Read the tenant; the one that API_KEY speaks for is made when it is first needed."""
    ref = refs.tenant(tenant_id)
    found = deps.store.get([ref]).get(ref)
    if found is None:
        made = Tenant(id=tenant_id, name=tenant_id, created_at=deps.now())
        deps.store.commit([Merge(ref, made.model_dump(include={"id", "name", "created_at"}))])
        found = deps.store.get([ref])[ref]
    return found
