"""Looking instances up: for their tenant's users, and for webhooks that name only an instance or an account."""

from __future__ import annotations

import re
from collections.abc import Collection, Hashable, Sequence
from contextlib import suppress

from shared.deps import Deps
from shared.documents import ids
from shared.documents.collection import of_tenant
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.instances import ChannelType, Instance
from shared.errors import BadRequest, NotFound

MAX_PAGE = 1000
MAX_SKIP = 10_000

_SLUG = re.compile(r"[a-z_]{1,32}-[0-9]{1,9}")
_NUMBER = re.compile(r"[0-9]{1,9}")
_MOST_OF_BUSINESS = 20


def by_id(deps: Deps, tenant_id: str, instance_id: str) -> Instance:
    """Raises `NotFound`, also for another tenant's instance."""
    return UnitOfWork(deps.store).instances.owned(tenant_id, instance_id)


def by_ids(deps: Deps, tenant_id: str, instance_ids: Collection[str]) -> dict[str, Instance]:
    """Those of the tenant's instances that exist, by their ids, in one round trip."""
    unit = UnitOfWork(deps.store)
    return {instance.id: instance for instance in unit.instances.owned_many(tenant_id, sorted(instance_ids))}


def by_name(deps: Deps, tenant_id: str, key: str) -> Instance:
    """The instance with this id, else this name; raises `NotFound`, also for another tenant's instance.

    For changing or removing one: a name that no instance has any more may be another one's slug or number.
    """
    unit = UnitOfWork(deps.store)
    unit.fetch(unit.instances.key(key), unit.instance_names.key(key))
    reservation = unit.instance_names.get(key)
    instance = unit.instances.owned_or_none(tenant_id, key)
    if instance is None and reservation is not None:
        instance = unit.instances.owned_or_none(tenant_id, reservation.instance_id)
    return _existing(instance)


def by_key(deps: Deps, tenant_id: str, key: str) -> Instance:
    """The instance with this id, else name, else slug, else number: whatever a dialect calls it by.

    Raises `NotFound`, also for another tenant's instance.
    """
    with suppress(NotFound):
        return by_name(deps, tenant_id, key)
    query = UnitOfWork(deps.store).instances.query().where(lambda instance: instance.tenant_id, "==", tenant_id)
    if _SLUG.fullmatch(key):
        return _existing(query.where(lambda instance: instance.slug, "==", key).first())
    if _NUMBER.fullmatch(key):
        return _existing(query.where(lambda instance: instance.seq, "==", int(key)).first())
    return _existing(None)


def _existing(instance: Instance | None) -> Instance:
    if instance is None:
        raise NotFound("Instance not found")
    return instance


def get_default(deps: Deps, tenant_id: str) -> Instance:
    """The tenant's default instance; raises `NotFound` when it has none."""
    unit = UnitOfWork(deps.store)
    instance_set = unit.instance_sets.get(tenant_id)
    if instance_set is None or instance_set.default_id is None:
        raise NotFound("There is no default instance")
    return unit.instances.owned(tenant_id, instance_set.default_id)


def list_after(
    deps: Deps,
    tenant_id: str,
    limit: int = 100,
    cursor: str | None = None,
    types: Sequence[ChannelType] | None = None,
) -> tuple[list[Instance], str | None]:
    """One page of the tenant's instances of these types (None: of all), oldest first, and the cursor of the next."""
    query = UnitOfWork(deps.store).instances.query().where(lambda instance: instance.tenant_id, "==", tenant_id)
    if types is not None:
        query = query.where_in(lambda instance: instance.type, types)
    page = query.order_by(lambda instance: instance.seq).page(min(limit, MAX_PAGE), cursor)
    return page.documents, page.cursor


def list_page(
    deps: Deps, tenant_id: str, skip: int = 0, limit: int = 100, types: Sequence[ChannelType] | None = None
) -> list[Instance]:
    """The tenant's instances of these types (None: of all), oldest first, without the first `skip`.

    `limit` above 1000 counts as 1000. Raises `BadRequest` for a negative `skip`,
    one above 10 000, and a `limit` below 1.
    """
    if not 0 <= skip <= MAX_SKIP:
        raise BadRequest.of_field("skip", f"must be between 0 and {MAX_SKIP}")
    if limit < 1:
        raise BadRequest.of_field("limit", "must be at least 1")
    end = skip + min(limit, MAX_PAGE)
    instances: list[Instance] = []
    cursor: str | None = None
    while len(instances) < end:
        page, cursor = list_after(deps, tenant_id, end - len(instances), cursor, types)
        instances += page
        if cursor is None:
            break
    return instances[skip:]


def find_cached(
    deps: Deps,
    *,
    instance_id: str | None = None,
    name: str | None = None,
    address: tuple[str, str] | None = None,
    default: bool = False,
) -> Instance | None:
    """The instance with an id, a name, or an address (adapter, account); or the default of `DEFAULT_TENANT_ID`.

    For calls that carry no tenant. The result is cached for a short while.
    """
    if instance_id is None and name is not None:
        instance_id = deps.cache.get(_name_key(name), lambda: _id_by_name(deps, name))
    if instance_id is None and address is not None:
        address_id = ids.instance_address(*address)
        instance_id = deps.cache.get(_address_key(address_id), lambda: _id_by_address(deps, address_id))
    if instance_id is None and default:
        tenant_id = deps.settings.default_tenant_id
        instance_id = deps.cache.get(_default_key(tenant_id), lambda: _default_id(deps, tenant_id))
    return None if instance_id is None else _cached(deps, instance_id)


def of_business_cached(deps: Deps, adapter: str, business: str) -> tuple[Instance, ...]:
    """The accounts, of any tenant, whose configuration names a business at the provider; at most 20.

    For calls that carry no tenant. The result is cached for a short while.
    """

    def load() -> tuple[Instance, ...]:
        query = UnitOfWork(deps.store).instances.query().where(lambda instance: instance.adapter, "==", adapter)
        # Somebody may have written the id as a number.
        spellings = [business, int(business)] if business.isdecimal() and len(business) < 19 else [business]
        query = query.where_in(lambda instance: instance.config["business_account_id"], spellings)
        return tuple(query.page(_MOST_OF_BUSINESS).documents)

    return deps.cache.get(("business", adapter, business), load) if business else ()


def cached(deps: Deps, tenant_id: str, instance_id: str) -> Instance | None:
    """The tenant's instance, as it was some seconds ago at most; None for an unknown or foreign one."""
    return of_tenant(tenant_id, find_cached(deps, instance_id=instance_id))


def _cached(deps: Deps, instance_id: str) -> Instance | None:
    def load() -> Instance | None:
        return UnitOfWork(deps.store).instances.of_any_tenant(instance_id)

    return deps.cache.get(_instance_key(instance_id), load)


def _id_by_name(deps: Deps, name: str) -> str | None:
    reservation = UnitOfWork(deps.store).instance_names.get(name)
    return reservation.instance_id if reservation else None


def _id_by_address(deps: Deps, address_id: str) -> str | None:
    reservation = UnitOfWork(deps.store).instance_addresses.get(address_id)
    return reservation.instance_id if reservation else None


def _default_id(deps: Deps, tenant_id: str) -> str | None:
    instance_set = UnitOfWork(deps.store).instance_sets.get(tenant_id)
    return instance_set.default_id if instance_set else None


def forget(deps: Deps, instance: Instance) -> None:
    """Drop what is cached of an instance, because it has changed."""
    keys: list[Hashable] = [_instance_key(instance.id), ("config", instance.id)]
    keys += [_name_key(instance.name), _default_key(instance.tenant_id)]
    if instance.external_id:
        keys.append(_address_key(ids.instance_address(instance.adapter, instance.external_id)))
    deps.cache.forget(*keys)


def _instance_key(instance_id: str) -> Hashable:
    return ("instance", instance_id)


def _name_key(name: str) -> Hashable:
    return ("instance by name", name)


def _address_key(address_id: str) -> Hashable:
    return ("instance by address", address_id)


def _default_key(tenant_id: str) -> Hashable:
    return ("default instance", tenant_id)
