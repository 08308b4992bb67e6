"""Contact resolution: from a customer to an address.

On a channel type by an address that is stored there, else by the phone number
or e-mail of the profile; on no channel in particular where the last conversation was.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from shared.channels import canonical_address, channel, names
from shared.deps import Deps
from shared.documents import ids
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.customers import Customer, Identity
from shared.domain.instances import ChannelType, Instance, InstanceStatus
from shared.errors import ChannelName, Collision, Detail, NotFound, Unprocessable
from shared.usecases.customers import customers
from shared.usecases.identities import resolution
from shared.usecases.instances import instance_lookup, type_channels

# More addresses than these on all channels together are not looked through.
_MOST_IDENTITIES = 200


@dataclass(frozen=True, slots=True)
class Contact:
    """Where to reach a customer. A new identity is part of the unit of work that looked for it."""

    customer: Customer
    instance: Instance
    identity: Identity


def on_channel(
    deps: Deps,
    unit: UnitOfWork,
    customer: Customer,
    channel_type: ChannelType,
    is_suitable: Callable[[Instance], bool] = lambda instance: True,
) -> Contact:
    """Find a suitable channel and the customer's address there, the tenant's default channel first.

    `customer` was read in the unit. A channel that lacks a credential yet
    is not used. Raises `Unprocessable` naming what is missing, and
    `Collision` when the address is already another customer's.
    """
    of_type = type_channels.of_type(deps, customer.tenant_id, channel_type)
    instances = [instance for instance in of_type if instance.status is not InstanceStatus.NOT_CONFIGURED]
    instances = [instance for instance in instances if is_suitable(instance)]
    if not instances:
        raise Unprocessable(_none_usable(channel_type, of_type))
    identity = _stored(unit, customer, instances) or _by_profile(deps, unit, customer, instances[0])
    return Contact(customer, next(instance for instance in instances if instance.id == identity.instance_id), identity)


def _none_usable(channel_type: ChannelType, instances: Sequence[Instance]) -> Detail:
    """Why no channel of the type can be used: what the first one that is not configured lacks, if there is one."""
    for instance in instances:
        if instance.status is InstanceStatus.NOT_CONFIGURED and instance.status_detail is not None:
            return (f"{instance.slug} cannot be used yet: ", *instance.status_detail.sentence)
    return ("there is no ", ChannelName(channel_type), " channel: configure one first")


def on_any_channel(unit: UnitOfWork, tenant_id: str, customer_id: str) -> Contact:
    """Find the customer's only address, of several the one of the latest conversation.

    Raises `NotFound` for an unknown or foreign customer, and for one without an
    address on a channel that still exists.
    """
    customer = customers.current(unit, tenant_id, customer_id)
    identities = _addresses(unit, customer)
    instance_ids = [identity.instance_id for identity in identities]
    instances = {instance.id: instance for instance in unit.instances.owned_many(tenant_id, instance_ids)}
    usable = [identity for identity in identities if identity.instance_id in instances]
    if not usable:
        raise NotFound("this customer has no address on any channel")
    identity = usable[0] if len(usable) == 1 else _latest(unit, customer, usable)
    return Contact(customer, instances[identity.instance_id], identity)


def on_instance(unit: UnitOfWork, customer: Customer, instance: Instance) -> Identity | None:
    """The customer's oldest address on an instance."""
    query = unit.identities.query().where(lambda identity: identity.customer_id, "==", customer.id)
    query = query.where(lambda identity: identity.instance_id, "==", instance.id)
    page = query.order_by(lambda identity: identity.created_at).tracked_page(limit=10)
    return next((identity for identity in page.documents if _is_address(identity)), None)


def _latest(unit: UnitOfWork, customer: Customer, identities: Sequence[Identity]) -> Identity:
    query = unit.conversations.query().where(lambda conversation: conversation.customer_id, "==", customer.id)
    query = query.where(lambda conversation: conversation.tenant_id, "==", customer.tenant_id)
    latest = query.order_by(lambda conversation: conversation.last_message_at, descending=True).first()
    if latest is None:
        return identities[0]
    return max(
        identities,
        key=lambda identity: (identity.id == latest.identity_id, identity.instance_id == latest.instance_id),
    )


def _addresses(unit: UnitOfWork, customer: Customer) -> list[Identity]:
    """The identities that stand for the person, the oldest first."""
    query = unit.identities.query().where(lambda identity: identity.customer_id, "==", customer.id)
    page = query.order_by(lambda identity: identity.created_at).tracked_page(_MOST_IDENTITIES)
    return [identity for identity in page.documents if _is_address(identity)]


def _is_address(identity: Identity) -> bool:
    return not identity.alias_of and not identity.is_thread


def _stored(unit: UnitOfWork, customer: Customer, instances: Sequence[Instance]) -> Identity | None:
    ranks = {instance.id: rank for rank, instance in enumerate(instances)}
    usable = [identity for identity in _addresses(unit, customer) if identity.instance_id in ranks]
    return min(usable, key=lambda identity: ranks[identity.instance_id], default=None)


def _by_profile(deps: Deps, unit: UnitOfWork, customer: Customer, instance: Instance) -> Identity:
    addressed_by = channel(instance.adapter).capabilities.addressed_by if instance.adapter in names() else None
    address = _address(customer, instance.type, addressed_by)
    key = canonical_address(instance.adapter, address)
    stored = resolution.at_address(unit, instance, key)
    if stored is None:
        return _new(deps, unit, customer, instance, key, address)
    identity = resolution.address_owner(unit, stored)
    if not _is_same_person(unit, customer, identity):
        raise Collision(f"{address} belongs to another customer on this channel: merge the two first")
    return identity


def _address(customer: Customer, channel_type: ChannelType, addressed_by: str | None) -> str:
    if addressed_by == "phone":
        digits = re.sub(r"\D", "", customer.phone or "")
        if digits:
            return f"+{digits}"
        raise Unprocessable(("the customer has no address on ", ChannelName(channel_type), ": phone is missing"))
    if addressed_by == "email":
        if customer.email:
            return customer.email.strip().lower()
        raise Unprocessable("the customer has no address on email: email is missing")
    if addressed_by == "customer":
        return customer.id
    missing = ": identity is missing, they have not written there yet"
    raise Unprocessable(("the customer has no address on ", ChannelName(channel_type), missing))


def _is_same_person(unit: UnitOfWork, customer: Customer, identity: Identity) -> bool:
    """A merge that is under way has not reached all of a customer's addresses yet."""
    try:
        return customers.current(unit, customer.tenant_id, identity.customer_id).id == customer.id
    except NotFound:
        return False


def _new(deps: Deps, unit: UnitOfWork, customer: Customer, instance: Instance, key: str, address: str) -> Identity:
    now = deps.now()
    # The version keeps the customer from being merged into another one meanwhile.
    customer.updated_at = now
    unit.customers.expect_unchanged(customer)
    return unit.identities.add(
        Identity(
            id=ids.identity(instance.id, key),
            tenant_id=customer.tenant_id,
            instance_id=instance.id,
            external_user_id=address,
            customer_id=customer.id,
            name=customer.name,
            phone=customer.phone,
            created_at=now,
        )
    )


def at_address(deps: Deps, tenant_id: str, instance_id: str, address: str) -> list[Customer]:
    """The customer at an address on a channel, as somebody typed it; none where nobody has written from there.

    Raises `NotFound` for an unknown channel, and `BadRequest` for what cannot be an address.
    """
    instance = instance_lookup.by_key(deps, tenant_id, instance_id)
    unit = UnitOfWork(deps.store)
    identity = resolution.at_address(unit, instance, canonical_address(instance.adapter, address))
    if identity is None:
        return []
    return [customers.current(unit, tenant_id, resolution.address_owner(unit, identity).customer_id)]
