"""Finding instances: for their tenant's people, and for webhooks that know only a name or an account."""

from __future__ import annotations

import re
from collections.abc import Hashable, Sequence
from contextlib import suppress

from shared.deps import Deps
from shared.domain.instances import Instance
from shared.errors import BadRequest, NotFound
from shared.ports.store import Order, Ref, Where
from shared.usecases import refs
from shared.usecases.instances.instance_documents import address_ref, instance_set, name_ref, owned, set_ref

MAX_PAGE = 1000
MAX_SKIP = 10_000

_SLUG = re.compile(r"[a-z_]{1,32}-[0-9]{1,9}")
_NUMBER = re.compile(r"[0-9]{1,9}")


def by_id(deps: Deps, tenant_id: str, instance_id: str) -> Instance:
    """Raises `NotFound`, also for another tenant's instance."""
    ref = refs.instance(instance_id)
    return owned(deps.store.get([ref]).get(ref), tenant_id)


def by_name(deps: Deps, tenant_id: str, key: str) -> Instance:
    """The instance with this id, else this name; raises `NotFound`, also for another tenant's instance.

    Who changes or removes one names it so: a name that is gone may be another one's slug or number.
    """
    ref, name = refs.instance(key), name_ref(key)
    found = deps.store.get([ref, name])
    if ref in found:
        return owned(found[ref], tenant_id)
    if name in found and found[name].data["tenant_id"] == tenant_id:
        return by_id(deps, tenant_id, found[name].data["instance_id"])
    raise NotFound("Instance not found")


def by_key(deps: Deps, tenant_id: str, key: str) -> Instance:
    """The instance with this id, else name, else slug, else number: whatever a dialect calls it by.

    Raises `NotFound`, also for another tenant's instance.
    """
    with suppress(NotFound):
        return by_name(deps, tenant_id, key)
    of_tenant = Where("tenant_id", "==", tenant_id)
    if _SLUG.fullmatch(key):
        return _first(deps, [of_tenant, Where("slug", "==", key)])
    if _NUMBER.fullmatch(key):
        return _first(deps, [of_tenant, Where("seq", "==", int(key))])
    raise NotFound("Instance not found")


def _first(deps: Deps, where: Sequence[Where]) -> Instance:
    for document in deps.store.find("instances", where, limit=1).documents:
        return Instance.model_validate(document.data)
    raise NotFound("Instance not found")


def get_default(deps: Deps, tenant_id: str) -> Instance:
    """The tenant's default instance; raises `NotFound` when it has none."""
    ref = set_ref(tenant_id)
    default_id = instance_set(deps.store.get([ref]).get(ref)).default_id
    if default_id is None:
        raise NotFound("There is no default instance")
    return by_id(deps, tenant_id, default_id)


def list_after(
    deps: Deps, tenant_id: str, limit: int = 100, cursor: str | None = None
) -> tuple[list[Instance], str | None]:
    """One page of the tenant's instances, oldest first, and the cursor of the next."""
    page = deps.store.find(
        "instances", [Where("tenant_id", "==", tenant_id)], [Order("seq")], min(limit, MAX_PAGE), cursor
    )
    return [Instance.model_validate(document.data) for document in page.documents], page.cursor


def list_page(deps: Deps, tenant_id: str, skip: int = 0, limit: int = 100) -> list[Instance]:
    """The tenant's instances, oldest first, without the first `skip`.

    `limit` above 1000 counts as 1000. Raises `BadRequest` for a negative `skip`,
    one above 10 000, and a `limit` below 1.
    """
    if not 0 <= skip <= MAX_SKIP:
        raise BadRequest(f"skip: must be between 0 and {MAX_SKIP}", {"skip": f"must be between 0 and {MAX_SKIP}"})
    if limit < 1:
        raise BadRequest("limit: must be at least 1", {"limit": "must be at least 1"})
    wanted = skip + min(limit, MAX_PAGE)
    found: list[Instance] = []
    cursor: str | None = None
    while len(found) < wanted:
        page, cursor = list_after(deps, tenant_id, wanted - len(found), cursor)
        found += page
        if cursor is None:
            break
    return found[skip:]


def find_for_webhook(
    deps: Deps,
    *,
    instance_id: str | None = None,
    name: str | None = None,
    address: tuple[str, str] | None = None,
    default: bool = False,
) -> Instance | None:
    """The instance with an id, a name, or an address (adapter, account); or the default of `DEFAULT_TENANT_ID`.

    For calls that carry no tenant. What was found is kept for a short while.
    """
    if instance_id is None and name is not None:
        instance_id = _kept_id(deps, name_ref(name), "instance_id")
    if instance_id is None and address is not None:
        instance_id = _kept_id(deps, address_ref(*address), "instance_id")
    if instance_id is None and default:
        instance_id = _kept_id(deps, set_ref(deps.settings.default_tenant_id), "default_id")
    return None if instance_id is None else _kept(deps, refs.instance(instance_id))


def _kept(deps: Deps, ref: Ref) -> Instance | None:
    def load() -> Instance | None:
        document = deps.store.get([ref]).get(ref)
        return Instance.model_validate(document.data) if document else None

    return deps.cache.get(ref, load)


def _kept_id(deps: Deps, ref: Ref, field: str) -> str | None:
    def load() -> str | None:
        document = deps.store.get([ref]).get(ref)
        return document.data.get(field) if document else None

    return deps.cache.get(ref, load)


def forget(deps: Deps, instance: Instance) -> None:
    """Drop what is kept of an instance, because it has changed."""
    kept: list[Hashable] = [refs.instance(instance.id), ("config", instance.id)]
    kept += [name_ref(instance.name), set_ref(instance.tenant_id)]
    if instance.external_id:
        kept.append(address_ref(instance.adapter, instance.external_id))
    deps.cache.forget(*kept)
