"""A tenant's instances: making, finding, changing, connecting and removing them.

Every change of a tenant's set of instances writes the set's document at the
version that was read, so that names, the default and the last instance hold
however many changes run at once.
"""

from __future__ import annotations

from shared.deps import Deps
from shared.domain.instances import Instance
from shared.errors import BadRequest
from shared.ports.store import Delete, Merge, Order, Where, Write
from shared.usecases import refs
from shared.usecases.instances import instance_operations
from shared.usecases.instances.instance_config import credentials, load_config
from shared.usecases.instances.instance_connection import connect
from shared.usecases.instances.instance_creation import NewInstance, create
from shared.usecases.instances.instance_documents import (
    InstanceSet,
    changing,
    commit,
    dethrone,
    instance_set,
    name_ref,
    owned,
    put,
    release,
    set_ref,
)
from shared.usecases.instances.instance_lookup import (
    by_id,
    by_key,
    by_name,
    find_for_webhook,
    forget,
    get_default,
    list_after,
    list_page,
)
from shared.usecases.instances.instance_update import Changes, update
from shared.usecases.retrying import decide

__all__ = [
    "Changes",
    "NewInstance",
    "by_id",
    "by_key",
    "by_name",
    "connect",
    "create",
    "credentials",
    "delete",
    "find_for_webhook",
    "forget",
    "get_default",
    "list_after",
    "list_page",
    "load_config",
    "set_default",
    "update",
]


def set_default(deps: Deps, tenant_id: str, instance_id: str) -> Instance:
    """Make an instance its tenant's only default; raises `NotFound`."""
    with changing:
        instance = decide(lambda: _commit_default(deps, tenant_id, instance_id))
    forget(deps, instance)
    return instance


def _commit_default(deps: Deps, tenant_id: str, instance_id: str) -> Instance:
    ref, of_tenant = refs.instance(instance_id), set_ref(tenant_id)
    found = deps.store.get([ref, of_tenant])
    instance = owned(found.get(ref), tenant_id)
    if instance.is_default:
        return instance
    tenant_set = instance_set(found.get(of_tenant))
    crowned = instance.model_copy(update={"is_default": True, "updated_at": deps.now()})
    writes = [
        Merge(ref, crowned.model_dump(include={"is_default", "updated_at"}), found[ref].version),
        *dethrone(deps, tenant_set, instance_id),
        put(of_tenant, found.get(of_tenant), tenant_set.model_dump()),
    ]
    commit(deps, writes)
    return crowned


def delete(deps: Deps, tenant_id: str, instance_id: str, *, keep_last: bool = False) -> None:
    """Remove an instance with its name, address and secrets; the oldest other one inherits being the default.

    The provider is told to delete its own, too; that it did not is only logged.
    Raises `NotFound`, and with `keep_last` `BadRequest` for a tenant's only instance.
    """
    with changing:
        gone = decide(lambda: _commit_deletion(deps, tenant_id, instance_id, keep_last))
    instance_operations.remove_if_possible(deps, gone)
    forget(deps, gone)
    deps.secrets.delete(gone.secret_name)


def _commit_deletion(deps: Deps, tenant_id: str, instance_id: str, keep_last: bool) -> Instance:
    ref, of_tenant = refs.instance(instance_id), set_ref(tenant_id)
    found = deps.store.get([ref, of_tenant])
    gone = owned(found.get(ref), tenant_id)
    tenant_set = instance_set(found.get(of_tenant))
    if keep_last and tenant_set.count <= 1:
        raise BadRequest("Cannot delete the only remaining instance")
    writes: list[Write] = [Delete(ref, found[ref].version), Delete(name_ref(gone.name))]
    writes += release(deps, gone)
    tenant_set.count -= 1
    if tenant_set.default_id == gone.id:
        writes += _succession(deps, gone, tenant_set)
    commit(deps, [*writes, put(of_tenant, found.get(of_tenant), tenant_set.model_dump())])
    return gone


def _succession(deps: Deps, gone: Instance, tenant_set: InstanceSet) -> list[Write]:
    """The set's version keeps the heir from being deleted meanwhile."""
    page = deps.store.find("instances", [Where("tenant_id", "==", gone.tenant_id)], [Order("seq")], limit=2)
    heir = next((document for document in page.documents if document.id != gone.id), None)
    tenant_set.default_id = heir.id if heir else None
    return [Merge(heir.ref, {"is_default": True, "updated_at": deps.now()})] if heir else []
