"""A tenant's instances: creating, looking up, changing, connecting and removing them.

Every change of a tenant's set of instances writes the set's document at the
version that was read, so that names, the default and the last instance hold
however many changes run at once.
"""

from __future__ import annotations

from shared.deps import Deps
from shared.documents.retry import run_with_retry
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.instances import Instance, InstanceSet, Removal
from shared.errors import BadRequest
from shared.usecases.endpoints import endpoints
from shared.usecases.instances import removals
from shared.usecases.instances.instance_config import credentials, load_config, readable_credentials
from shared.usecases.instances.instance_connection import connect
from shared.usecases.instances.instance_creation import NewInstance, create
from shared.usecases.instances.instance_documents import (
    get_or_add_set,
    replace_default,
    set_lock,
)
from shared.usecases.instances.instance_lookup import (
    by_id,
    by_ids,
    by_key,
    by_name,
    find_cached,
    forget,
    get_default,
    list_after,
    list_page,
)
from shared.usecases.instances.instance_update import Changes, update

__all__ = [
    "Changes",
    "NewInstance",
    "by_id",
    "by_ids",
    "by_key",
    "by_name",
    "connect",
    "create",
    "credentials",
    "delete",
    "find_cached",
    "forget",
    "get_default",
    "list_after",
    "list_page",
    "load_config",
    "readable_credentials",
    "set_default",
    "update",
]


def set_default(deps: Deps, tenant_id: str, instance_id: str) -> Instance:
    """Make an instance its tenant's only default; raises `NotFound`."""

    def attempt(unit: UnitOfWork) -> Instance:
        unit.fetch(unit.instances.key(instance_id), unit.instance_sets.key(tenant_id))
        instance = unit.instances.owned(tenant_id, instance_id)
        if not instance.is_default:
            instance.is_default, instance.updated_at = True, deps.now()
            replace_default(unit, get_or_add_set(unit, tenant_id), instance_id, instance.updated_at)
        return instance

    with set_lock:
        instance = run_with_retry(deps, attempt)
    forget(deps, instance)
    return instance


def delete(deps: Deps, tenant_id: str, instance_id: str, *, keep_last: bool = False) -> None:
    """Remove an instance; the oldest other one inherits being the default.

    The provider is asked to delete its own, too. Once it has, the name, the address and the secrets go; until then the
    sweep asks again. Raises `NotFound`, and with `keep_last` `BadRequest` for a tenant's only instance.
    """
    with set_lock:
        instance, removal = run_with_retry(deps, lambda unit: _remove(deps, unit, tenant_id, instance_id, keep_last))
    forget(deps, instance)
    if removal is None:
        deps.secrets.delete(instance.secret_name)
    else:
        removals.attempt(deps, removal)


def _remove(
    deps: Deps, unit: UnitOfWork, tenant_id: str, instance_id: str, keep_last: bool
) -> tuple[Instance, Removal | None]:
    unit.fetch(unit.instances.key(instance_id), unit.instance_sets.key(tenant_id))
    instance = unit.instances.owned(tenant_id, instance_id)
    instance_set = get_or_add_set(unit, tenant_id)
    if keep_last and instance_set.count <= 1:
        raise BadRequest("Cannot delete the only remaining instance")
    endpoints.forget_channel(deps, unit, instance)
    unit.instances.remove(instance.id)
    removal = removals.add(deps, unit, instance)
    instance_set.count -= 1
    if instance_set.default_id == instance.id:
        _choose_next_default(deps, unit, instance, instance_set)
    return instance, removal


def _choose_next_default(deps: Deps, unit: UnitOfWork, removed: Instance, instance_set: InstanceSet) -> None:
    """The set's version keeps the next default from being deleted meanwhile."""
    query = unit.instances.query().where(lambda instance: instance.tenant_id, "==", removed.tenant_id)
    oldest = query.order_by(lambda instance: instance.seq).page(limit=2).documents
    others = [instance for instance in oldest if instance.id != removed.id]
    instance_set.default_id = others[0].id if others else None
    if others:
        unit.instances.patch(others[0].id, is_default=True, updated_at=deps.now())
