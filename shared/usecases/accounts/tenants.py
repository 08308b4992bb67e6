"""Tenants as documents."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from shared.deps import Deps
from shared.documents.retry import run_with_retry
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.accounts import Tenant
from shared.domain.ids import new_id


def get_or_add(unit: UnitOfWork, tenant_id: str, now: datetime) -> Tenant:
    """Return the tenant; the one that API_KEY speaks for is added when it is first needed."""
    return unit.tenants.get(tenant_id) or unit.tenants.add(Tenant(id=tenant_id, name=tenant_id, created_at=now))


def revise(tenant: Tenant) -> None:
    """Have other decisions that depend on the tenant's users, agents, teams or campaigns fail with `Conflict`."""
    tenant.revision = new_id()


def read(deps: Deps, tenant_id: str) -> Tenant:
    """The tenant; with the defaults of all settings where it was never changed."""
    return get_or_add(UnitOfWork(deps.store), tenant_id, deps.now())


def cached(deps: Deps, tenant_id: str) -> Tenant:
    """The same, for its settings alone; other processes see a change within half a minute."""
    return deps.cache.get(_cache_key(tenant_id), lambda: read(deps, tenant_id))


def forget(deps: Deps, tenant_id: str) -> None:
    """Have this process read the tenant anew; whoever changes a setting does so after the commit."""
    deps.cache.forget(_cache_key(tenant_id))


def _cache_key(tenant_id: str) -> tuple[str, str]:
    return ("tenant", tenant_id)


def change_settings(deps: Deps, tenant_id: str, changes: Mapping[str, Any]) -> Tenant:
    """Change these settings only."""

    def attempt(unit: UnitOfWork) -> Tenant:
        tenant = get_or_add(unit, tenant_id, deps.now())
        unit.tenants.change(tenant, changes)
        if "files_kept_days" in changes:
            unit.file_usage.patch(tenant_id, clean_at=deps.now())
        return tenant

    tenant = run_with_retry(deps, attempt)
    forget(deps, tenant_id)
    return tenant
