"""How a customer is reached.

On a channel type by an address that is known there, else by phone number or
e-mail; on no channel in particular where he was last spoken with.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from shared.channels import canonical_address, channel, names
from shared.deps import Deps
from shared.domain.customers import Customer, Identity
from shared.domain.instances import ChannelType, Instance, InstanceStatus
from shared.errors import ChannelName, Collision, NotFound, Unprocessable
from shared.ports.store import Document, Merge, Order, Ref, Where
from shared.usecases import refs
from shared.usecases.customers import customers
from shared.usecases.identities import resolution
from shared.usecases.identities.resolution import Known
from shared.usecases.instances import type_channels

# More addresses than these on all channels together are not looked through.
_MOST_IDENTITIES = 200


@dataclass(frozen=True, slots=True)
class Reached:
    """Where to reach a customer. `known.writes` belong in the commit that uses it."""

    customer: Customer
    instance: Instance
    known: Known


def reach(deps: Deps, customer: Document, channel_type: ChannelType) -> Reached:
    """Find the channel and the customer's address there, the tenant's default channel first.

    A channel that lacks a credential yet reaches nobody. Raises `Unprocessable`
    naming what is missing, and `Collision` when the address is already another
    customer's.
    """
    person = Customer.model_validate(customer.data)
    of_type = type_channels.of_type(deps, person.tenant_id, channel_type)
    instances = [each for each in of_type if each.status is not InstanceStatus.NOT_CONFIGURED]
    if not instances:
        raise Unprocessable(("there is no ", ChannelName(channel_type), " channel: configure one first"))
    known = _known(deps, person, instances) or _by_profile(deps, customer, person, instances[0])
    return Reached(person, next(each for each in instances if each.id == known.identity.instance_id), known)


def reach_anywhere(deps: Deps, tenant_id: str, customer_id: str) -> tuple[Instance, Known]:
    """Find the customer's only address, of several the one where he was last spoken with.

    Raises `NotFound` for an unknown or foreign customer, and for one without an
    address on a channel that is still there.
    """
    customer = customers.read(deps, tenant_id, customer_id)
    addresses = _addresses(deps, customer.id)
    there = deps.store.get(list({refs.instance(document.data["instance_id"]) for document in addresses}))
    usable = [document for document in addresses if refs.instance(document.data["instance_id"]) in there]
    if not usable:
        raise NotFound("this customer has no address on any channel")
    chosen = usable[0] if len(usable) == 1 else _latest(deps, customer, usable)
    instance = Instance.model_validate(there[refs.instance(chosen.data["instance_id"])].data)
    return instance, Known(Identity.model_validate(chosen.data), chosen.version)


def _latest(deps: Deps, customer: Document, usable: Sequence[Document]) -> Document:
    where = [Where("customer_id", "==", customer.id), Where("tenant_id", "==", customer.data["tenant_id"])]
    page = deps.store.find("conversations", where, [Order("last_message_at", descending=True)], limit=1)
    latest = page.documents[0].data if page.documents else {}

    def nearness(document: Document) -> tuple[bool, bool]:
        same = document.id == latest.get("identity_id")
        return same, document.data["instance_id"] == latest.get("instance_id")

    return max(usable, key=nearness)


def _addresses(deps: Deps, customer_id: str) -> list[Document]:
    """The identities that stand for the person himself, the oldest first."""
    where = [Where("customer_id", "==", customer_id)]
    page = deps.store.find("identities", where, [Order("created_at")], limit=_MOST_IDENTITIES)
    return [each for each in page.documents if not each.data.get("alias_of") and not each.data.get("is_thread")]


def _known(deps: Deps, customer: Customer, instances: Sequence[Instance]) -> Known | None:
    ranks = {instance.id: rank for rank, instance in enumerate(instances)}
    usable = [document for document in _addresses(deps, customer.id) if document.data["instance_id"] in ranks]
    if not usable:
        return None
    best = min(usable, key=lambda document: ranks[document.data["instance_id"]])
    return Known(Identity.model_validate(best.data), best.version)


def _by_profile(deps: Deps, document: Document, customer: Customer, instance: Instance) -> Known:
    addressed_by = channel(instance.adapter).capabilities.addressed_by if instance.adapter in names() else None
    address = _address(customer, instance.type, addressed_by)
    ref = refs.identity(instance.id, canonical_address(instance.adapter, address))
    found = deps.store.get([ref]).get(ref)
    if found is None:
        return _new(document, customer, instance, ref, address, deps.now())
    found = resolution.main_document(deps, found)
    identity = Identity.model_validate(found.data)
    if not _is_same_person(deps, customer, identity):
        raise Collision(f"{address} belongs to another customer on this channel: merge the two first")
    return Known(identity, found.version)


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


def _is_same_person(deps: Deps, customer: Customer, identity: Identity) -> bool:
    """A merge that is under way has not reached all of a person's addresses yet."""
    try:
        return customers.read(deps, customer.tenant_id, identity.customer_id).id == customer.id
    except NotFound:
        return False


def _new(document: Document, customer: Customer, instance: Instance, ref: Ref, address: str, now: datetime) -> Known:
    identity = Identity(
        id=ref.id,
        tenant_id=customer.tenant_id,
        instance_id=instance.id,
        external_user_id=address,
        customer_id=customer.id,
        name=customer.name,
        phone=customer.phone,
        created_at=now,
    )
    # The version keeps the customer from being merged into another one meanwhile.
    touched = Merge(document.ref, {"updated_at": now}, document.version)
    return Known(identity, None, [touched])
