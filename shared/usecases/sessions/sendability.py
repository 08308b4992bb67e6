"""On which channels a session's customer can be sent a message now, and why not on the others."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from shared.channels import channel, names
from shared.deps import Deps
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.campaigns import accepts_campaigns
from shared.domain.customers import Customer, Identity
from shared.domain.instances import ChannelType, Instance, InstanceStatus
from shared.usecases.customers import customers
from shared.usecases.instances import type_channels
from shared.usecases.outbox import windows

CANNOT_SEND = "cannot_send"
OPTED_OUT = "opted_out"
DISCONNECTED = "disconnected"
NO_ADDRESS = "no_address"
WINDOW_CLOSED = "window_closed"

# More addresses than these on all channels together are not looked through.
_MOST_IDENTITIES = 200


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a channel type stands for the customer; `reason` says why not, or why only a template can be sent.

    `abilities` are what can be done there now beside sending a text.
    """

    channel: ChannelType
    can_send: bool
    reason: str | None = None
    template_required: bool = False
    window_closes_at: datetime | None = None
    abilities: tuple[str, ...] = ()


def verdicts(deps: Deps, tenant_id: str, conversation_id: str) -> list[Verdict]:
    """One for each channel type that the tenant has: that of its best channel. Raises `NotFound`.

    The cost does not depend on how many channels there are: the session, the
    customer, one query for their addresses, one for the channels.
    """
    unit = UnitOfWork(deps.store)
    conversation = unit.conversations.owned(tenant_id, conversation_id)
    customer = customers.current(unit, tenant_id, conversation.customer_id)
    identities = _identities(unit, customer)
    by_type = sorted(type_channels.every(deps, tenant_id), key=lambda instance: instance.type)
    now = deps.now()
    return [
        _best([_verdict(instance, customer, identities, now) for instance in instances])
        for _, instances in groupby(by_type, key=lambda instance: instance.type)
    ]


def _identities(unit: UnitOfWork, customer: Customer) -> list[Identity]:
    query = unit.identities.query().where(lambda identity: identity.customer_id, "==", customer.id)
    page = query.order_by(lambda identity: identity.created_at).page(_MOST_IDENTITIES)
    return [identity for identity in page.documents if identity.alias_of is None]


def _best(verdicts_of_type: Iterable[Verdict]) -> Verdict:
    return max(verdicts_of_type, key=lambda verdict: (verdict.can_send, not verdict.template_required))


def _verdict(instance: Instance, customer: Customer, identities: Sequence[Identity], now: datetime) -> Verdict:
    if instance.adapter not in names():
        return Verdict(instance.type, can_send=False, reason=CANNOT_SEND)
    if not accepts_campaigns(customer) or not customer.accepts(instance.type):
        return Verdict(instance.type, can_send=False, reason=OPTED_OUT)
    if instance.status is not InstanceStatus.CONNECTED or instance.link_lost_at is not None:
        return Verdict(instance.type, can_send=False, reason=DISCONNECTED)
    at_instance = [identity for identity in identities if identity.instance_id == instance.id]
    if not at_instance and not _has_profile_address(instance, customer):
        return Verdict(instance.type, can_send=False, reason=NO_ADDRESS)
    return _by_window(instance, at_instance, now)


def _has_profile_address(instance: Instance, customer: Customer) -> bool:
    addressed_by = channel(instance.adapter).capabilities.addressed_by
    if addressed_by == "phone":
        return bool(customer.phone)
    return bool(customer.email) if addressed_by == "email" else addressed_by is not None


def _by_window(instance: Instance, identities: Sequence[Identity], now: datetime) -> Verdict:
    capabilities = channel(instance.adapter).capabilities
    last = max((identity.last_inbound_at for identity in identities if identity.last_inbound_at), default=None)
    closes = windows.closes_at(capabilities, last)
    if capabilities.window is None or (closes is not None and closes > now):
        return Verdict(instance.type, can_send=True, window_closes_at=closes, abilities=tuple(capabilities.abilities))
    templates = capabilities.templates
    return Verdict(
        instance.type,
        can_send=templates,
        reason=WINDOW_CLOSED,
        template_required=templates,
        window_closes_at=closes,
        abilities=("template",) if templates else (),
    )
