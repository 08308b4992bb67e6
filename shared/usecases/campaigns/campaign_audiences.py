"""How many customers a campaign would reach, before its launch.

The total is counted by an index. Who is reached is looked up for the first `MOST_EXAMINED` customers, a hundred at a
time, so that the cost does not grow with the audience.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from shared.channels import channel
from shared.deps import Deps
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.accounts import Tenant
from shared.domain.campaigns import Campaign, SkipReason
from shared.domain.customers import Customer, Identity
from shared.domain.instances import Instance
from shared.domain.placeholders import ValueMissing
from shared.usecases.accounts import tenants
from shared.usecases.campaigns import campaign_content, campaign_recipients
from shared.usecases.campaigns.campaign_content import Plan
from shared.usecases.conversations import access
from shared.usecases.customers import customer_tags

MOST_EXAMINED = 500
_PAGE = 100
_MOST_IN = 30
_MOST_IDENTITIES = 500


@dataclass(frozen=True, slots=True)
class Audience:
    """How many customers there are, how many of them were examined, and what became of these.

    Who has several of the tags counts for each in the total, and once among the examined.
    """

    total: int
    examined: int
    reachable: int
    skipped: Mapping[SkipReason, int]
    template_refusal: str | None


def count(deps: Deps, campaign: Campaign) -> Audience:
    """What would become of a campaign now. Raises `BadRequest` for placeholders that cannot be filled."""
    campaign_content.check(campaign)
    plan = campaign_content.plan(deps, campaign)
    unit = UnitOfWork(deps.store)
    refusals = plan.refusals(unit)
    tenant = tenants.cached(deps, campaign.tenant_id)
    examined, reachable, skipped = 0, 0, Counter[SkipReason]()
    for customers in _pages(deps, campaign):
        identities = _identities(unit, customers)
        for customer in customers:
            examined += 1
            reason = _reason(deps, plan, refusals, tenant, customer, identities.get(customer.id, []))
            if reason is None:
                reachable += 1
            else:
                skipped[reason] += 1
    return Audience(
        total=_total(deps, campaign),
        examined=examined,
        reachable=reachable,
        skipped={reason: skipped[reason] for reason in SkipReason},
        template_refusal=plan.obstacle(refusals),
    )


def _total(deps: Deps, campaign: Campaign) -> int:
    audience = campaign.audience
    return len(audience.customer_ids) + sum(customer_tags.count(deps, campaign.tenant_id, tag) for tag in audience.tags)


def _pages(deps: Deps, campaign: Campaign) -> Iterator[list[Customer]]:
    """The first customers of the audience, each once, without those who were merged into others."""
    unit, examined = UnitOfWork(deps.store), set[str]()
    for page_ids in islice(_pages_of_ids(deps, campaign), MOST_EXAMINED // _PAGE):
        new_ids = [customer_id for customer_id in page_ids if customer_id not in examined]
        examined.update(new_ids)
        customers = unit.customers.owned_many(campaign.tenant_id, new_ids)
        yield [customer for customer in customers if not customer.merged_into]


def _pages_of_ids(deps: Deps, campaign: Campaign) -> Iterator[list[str]]:
    listed_ids = campaign.audience.customer_ids
    for start in range(0, len(listed_ids), _PAGE):
        yield listed_ids[start : start + _PAGE]
    for tag in campaign.audience.tags:
        cursor: str | None = None
        while True:
            page_ids, cursor = customer_tags.page(deps, campaign.tenant_id, tag, _PAGE, cursor)
            yield page_ids
            if cursor is None:
                break


def _identities(unit: UnitOfWork, customers: Sequence[Customer]) -> dict[str, list[Identity]]:
    """The addresses of the customers, by their ids."""
    by_customer: dict[str, list[Identity]] = {}
    for start in range(0, len(customers), _MOST_IN):
        some_ids = [customer.id for customer in customers[start : start + _MOST_IN]]
        query = unit.identities.query().where_in(lambda identity: identity.customer_id, some_ids)
        for identity in query.page(_MOST_IDENTITIES).documents:
            if not identity.alias_of and not identity.is_thread:
                by_customer.setdefault(identity.customer_id, []).append(identity)
    return by_customer


def _reason(
    deps: Deps,
    plan: Plan,
    refusals: Mapping[str, str],
    tenant: Tenant,
    customer: Customer,
    identities: Sequence[Identity],
) -> SkipReason | None:
    """Why the customer would get no message; None where they would."""
    now = deps.now()
    general = campaign_recipients.general_refusal(tenant, customer, now)
    if general is not None:
        return general
    reasons = list[SkipReason]()
    for channel_type in plan.campaign.channels:
        if not customer.accepts(channel_type):
            reasons.append(SkipReason.OPTED_OUT)
            continue
        usable = [each for each in plan.instances if each.type is channel_type and each.id not in refusals]
        reason = _reason_on(deps, plan.campaign, usable, customer, identities, now)
        if reason is None:
            return None
        reasons.append(reason)
    return campaign_recipients.foremost(reasons)


def _reason_on(
    deps: Deps,
    campaign: Campaign,
    instances: Sequence[Instance],
    customer: Customer,
    identities: Sequence[Identity],
    now: datetime,
) -> SkipReason | None:
    usable = [instance for instance in instances if campaign_content.can_carry(campaign, instance)]
    if not usable or usable[0].type in campaign_recipients.SPOKEN:
        return SkipReason.NO_ADDRESS
    pairs = [(each, identity) for each in usable for identity in identities if identity.instance_id == each.id]
    instance, identity = pairs[0] if pairs else (usable[0], None)
    if identity is None and not _has_profile_address(instance, customer):
        return SkipReason.NO_ADDRESS
    if identity is not None and access.is_blocked(deps, UnitOfWork(deps.store), instance, identity):
        return SkipReason.BLOCKED
    last_inbound_at = identity.last_inbound_at if identity else None
    if campaign_recipients.is_window_closed(campaign, instance, last_inbound_at, now):
        return SkipReason.WINDOW_CLOSED
    try:
        campaign_content.for_customer(campaign, instance, customer)
    except ValueMissing:
        return SkipReason.MISSING_VALUE
    return None


def _has_profile_address(instance: Instance, customer: Customer) -> bool:
    match channel(instance.adapter).capabilities.addressed_by:
        case "phone":
            return bool(customer.phone)
        case "email":
            return bool(customer.email)
        case addressed_by:
            return addressed_by is not None
