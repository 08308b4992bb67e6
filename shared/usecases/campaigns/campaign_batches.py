"""Whose turn it is in a campaign: the next customers of its audience, and those whose quiet hours are over."""

from __future__ import annotations

from dataclasses import dataclass, field

from shared.deps import Deps
from shared.documents.query import Query
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.campaigns import Campaign, CampaignRecipient, Progress, RecipientState
from shared.domain.customers import Customer
from shared.errors import NotFound
from shared.usecases.customers import customer_tags, customers

BATCH = 100
"""Customers who get a campaign's message in one run."""

# Pages of tagged customers that are read in one run.
_MAX_PAGES = 10


@dataclass(frozen=True, slots=True)
class Batch:
    """The next customers, and where the batch after them begins."""

    customers: list[Customer] = field(default_factory=list)
    after: Progress = field(default_factory=Progress)


def due_customer_ids(deps: Deps, campaign: Campaign) -> list[str]:
    """Customers whose quiet hours are over, who waited longest first."""
    if not campaign.has_waiting:
        return []
    query = _waiting(deps, campaign).where(lambda recipient: recipient.due_at, "<=", deps.now())
    page = query.order_by(lambda recipient: recipient.due_at).page(BATCH)
    return [recipient.customer_id for recipient in page.documents]


def has_waiting(deps: Deps, campaign: Campaign) -> bool:
    """Whether customers wait for the end of their quiet hours."""
    return _waiting(deps, campaign).first() is not None


def waiting_ids(deps: Deps, campaign: Campaign, limit: int) -> list[str]:
    """The ids of recipients who wait for the end of their quiet hours."""
    page = _waiting(deps, campaign).order_by(lambda recipient: recipient.created_at).page(limit)
    return [recipient.id for recipient in page.documents]


def _waiting(deps: Deps, campaign: Campaign) -> Query[CampaignRecipient]:
    query = UnitOfWork(deps.store).campaign_recipients.query()
    query = query.where(lambda recipient: recipient.campaign_id, "==", campaign.id)
    return query.where(lambda recipient: recipient.state, "==", RecipientState.WAITING)


def next_batch(deps: Deps, campaign: Campaign) -> Batch:
    """The customers who come next; none once the end of the audience was reached."""
    if campaign.progress.is_at_end:
        return Batch(after=campaign.progress)
    listed_ids, position = campaign.audience.customer_ids, campaign.progress.position
    if position >= len(listed_ids):
        return _tagged_batch(deps, campaign)
    end = position + BATCH
    is_last = end >= len(listed_ids) and not campaign.audience.tags
    customers_in_batch = [_listed_customer(deps, campaign, customer_id) for customer_id in listed_ids[position:end]]
    recipients = [customer for customer in customers_in_batch if customer is not None]
    return Batch(recipients, Progress(position=end, is_at_end=is_last))


def _listed_customer(deps: Deps, campaign: Campaign, customer_id: str) -> Customer | None:
    """The customer, or the one whom they were merged into unless that one is listed too."""
    try:
        customer = customers.get(deps, campaign.tenant_id, customer_id)
    except NotFound:
        return None
    if customer.id != customer_id and customer.id in campaign.audience.customer_ids:
        return None
    return customer


def _tagged_batch(deps: Deps, campaign: Campaign) -> Batch:
    """The customers with the audience's tags, by an index; a customer with two of them comes with the first tag."""
    recipients, tags = list[Customer](), campaign.audience.tags
    tag, cursor = campaign.progress.tag, campaign.progress.cursor
    for _ in range(_MAX_PAGES):
        if tag >= len(tags) or len(recipients) >= BATCH:
            break
        customer_ids, cursor = customer_tags.page(deps, campaign.tenant_id, tags[tag], BATCH, cursor)
        tagged = UnitOfWork(deps.store).customers.owned_many(campaign.tenant_id, customer_ids)
        unmerged = [customer for customer in tagged if not customer.merged_into]
        recipients += [customer for customer in unmerged if campaign.comes_to(customer, tag)]
        tag += cursor is None
    is_last = tag >= len(tags)
    progress = Progress(position=campaign.progress.position, tag=tag, cursor=cursor, is_at_end=is_last)
    return Batch(recipients, progress)
