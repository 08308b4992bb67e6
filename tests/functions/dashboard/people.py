"""Customers and channels for tests, put straight into the store."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from shared.deps import Deps
from shared.domain.customers import Customer, Identity
from shared.domain.ids import new_id
from shared.domain.instances import ChannelType, Instance, InstanceStatus
from shared.ports.store import Create, Merge
from shared.usecases.instances import instances
from shared.usecases.instances.instances import NewInstance
from tests import refs

NEW_YEAR = datetime(2024, 1, 1, tzinfo=UTC)


def customer(deps: Deps, id_: str = "cust_456", **fields: Any) -> Customer:
    """A customer of the default tenant, unless another is named."""
    defaults = {"tenant_id": deps.settings.default_tenant_id, "created_at": NEW_YEAR, "updated_at": NEW_YEAR}
    new_customer = Customer.model_validate({"id": id_} | defaults | fields)
    deps.store.commit([Create(refs.customer(id_), new_customer.model_dump())])
    return new_customer


def channel(deps: Deps, type_: ChannelType, tenant_id: str | None = None, **fields: Any) -> Instance:
    """A configured channel that was not connected at its provider."""
    new = NewInstance(channel_type=type_, label=fields.pop("label", f"{type_} {new_id()[:4]}"), **fields)
    instance = instances.create(deps, tenant_id or deps.settings.default_tenant_id, new, connect=False)
    if instance.status is not InstanceStatus.NOT_CONFIGURED:
        return instance
    complete = instance.model_copy(update={"status": InstanceStatus.CONFIGURED})
    deps.store.commit([Merge(refs.instance(instance.id), {"status": complete.status.value})])
    return complete


def address(deps: Deps, person: Customer, instance: Instance, external_user_id: str, **fields: Any) -> Identity:
    """What the customer is known by on a channel."""
    identity = Identity(
        id=refs.identity(instance.id, external_user_id).id,
        tenant_id=person.tenant_id,
        instance_id=instance.id,
        external_user_id=external_user_id,
        customer_id=person.id,
        created_at=NEW_YEAR,
        **fields,
    )
    deps.store.commit([Create(refs.identity(instance.id, external_user_id), identity.model_dump())])
    return identity
