"""The ledger of opt-outs: on which channels a customer wants no messages that they have not asked for, and since when.

It lies in the customer, for campaigns and people; that an address gets no automatic answers lies in its identity, so
that storing its next message costs no further read.
"""

from __future__ import annotations

from collections.abc import Sequence

from shared.documents.unit_of_work import UnitOfWork
from shared.domain.customers import Customer, Identity, OptOut
from shared.domain.instances import ChannelType

_MOST_IDENTITIES = 200


def note(unit: UnitOfWork, customer: Customer, opt_out: OptOut) -> None:
    """Write down an opt-out; where its address, or the business, has said so already, the first one stays."""
    key = (opt_out.channel, opt_out.identity_id)
    if all((each.channel, each.identity_id) != key for each in customer.opt_outs):
        customer.opt_outs = [*customer.opt_outs, opt_out]
        customer.updated_at = opt_out.at
    if opt_out.channel is None and not customer.opted_out:
        customer.opted_out = True
        customer.updated_at = opt_out.at
        _mark_addresses(unit, customer)


def take_back(unit: UnitOfWork, customer: Customer, channel: ChannelType) -> None:
    """Take back the opt-outs that hold on a channel."""
    customer.opt_outs = [each for each in customer.opt_outs if each.channel not in (None, channel)]
    if customer.opted_out:
        customer.opted_out = False
        _mark_addresses(unit, customer)


def replace_all(unit: UnitOfWork, customer: Customer, opt_outs: Sequence[OptOut]) -> None:
    """Have these opt-outs hold and no others; one that was there already keeps its time."""
    former = {each.channel: each for each in customer.shown_opt_outs()}
    customer.opt_outs = [_older(former.get(each.channel), each) for each in opt_outs]
    customer.opted_out = any(each.channel is None for each in opt_outs)
    _mark_addresses(unit, customer)


def _older(former: OptOut | None, opt_out: OptOut) -> OptOut:
    return former if former is not None and opt_out.reason in (None, former.reason) else opt_out


def _mark_addresses(unit: UnitOfWork, customer: Customer) -> None:
    """Have the customer's addresses get automatic answers where no opt-out holds, and nowhere else."""
    query = unit.identities.query().where(lambda identity: identity.customer_id, "==", customer.id)
    identities = query.order_by(lambda identity: identity.created_at).tracked_page(_MOST_IDENTITIES).documents
    types = _types(unit, customer, identities)
    for identity in identities:
        channel = types.get(identity.instance_id)
        if channel is not None:
            identity.opted_out = not customer.accepts(channel)


def _types(unit: UnitOfWork, customer: Customer, identities: Sequence[Identity]) -> dict[str, ChannelType]:
    instance_ids = {identity.instance_id for identity in identities}
    return {
        instance.id: instance.type for instance in unit.instances.owned_many(customer.tenant_id, sorted(instance_ids))
    }
