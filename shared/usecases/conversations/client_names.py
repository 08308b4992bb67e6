"""What clients of other servers call people and messages by: an address, a provider's id, or an id of ours."""

from __future__ import annotations

from dataclasses import dataclass

from shared.channels import canonical_address
from shared.deps import Deps
from shared.documents import ids
from shared.documents.collection import of_tenant
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.customers import Customer, Identity
from shared.domain.instances import Instance
from shared.domain.messages import Direction, Message, MessageAlias
from shared.errors import BadRequest, NotFound
from shared.usecases.conversations.sending import Target
from shared.usecases.customers import customers
from shared.usecases.identities import contacts, resolution


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody on an instance: a phone number or another address there, or `user_id`.

    A `user_id` is that of a customer of ours, else an address, which Discord calls so.
    """

    phone_number: str | None = None
    user_id: str | None = None


@dataclass(frozen=True, slots=True)
class Named:
    """A message as its provider knows it; `from_us` says whether the business wrote it."""

    external_message_id: str
    from_us: bool = False


def target(deps: Deps, instance: Instance, person: Person) -> Target:
    """Where a message to the person goes; raises `BadRequest` where nobody is named."""
    customer = _customer(deps, instance, person)
    if customer is not None:
        return Target(instance_id=instance.id, customer_id=customer.id)
    return Target(instance_id=instance.id, external_user_id=_address(person))


def profile(deps: Deps, instance: Instance, person: Person) -> tuple[Customer, Identity | None]:
    """Whom the hub knows by that name, and their address on the instance; raises `NotFound` and as `target`."""
    unit = UnitOfWork(deps.store)
    customer = _customer(deps, instance, person)
    if customer is not None:
        return customer, contacts.on_instance(unit, customer, instance)
    stored = resolution.at_address(unit, instance, canonical_address(instance.adapter, _address(person)))
    if stored is None:
        raise NotFound("no customer with this address has written here")
    identity = resolution.address_owner(unit, stored)
    return customers.current(unit, instance.tenant_id, identity.customer_id), identity


def message(deps: Deps, instance: Instance, message_id: str) -> Named:
    """The message by our id or its provider's; one that the hub has not got is taken for a customer's."""
    unit = UnitOfWork(deps.store)
    records = unit.message_records
    candidates = [message_id, ids.provider_message(instance.id, message_id)]
    unit.fetch(*map(records.key, candidates))
    for candidate in candidates:
        record = records.get(candidate)
        if isinstance(record, MessageAlias):
            record = records.get(record.alias_of)
        stored = of_tenant(instance.tenant_id, record) if isinstance(record, Message) else None
        if stored is not None and stored.external_message_id is not None:
            return Named(stored.external_message_id, stored.direction is Direction.OUTBOUND)
    return Named(message_id)


def _customer(deps: Deps, instance: Instance, person: Person) -> Customer | None:
    if not person.user_id:
        return None
    try:
        return customers.get(deps, instance.tenant_id, person.user_id)
    except NotFound:
        return None


def _address(person: Person) -> str:
    address = person.phone_number or person.user_id
    if not address:
        raise BadRequest("name the recipient: give phone_number or user_id")
    return address
