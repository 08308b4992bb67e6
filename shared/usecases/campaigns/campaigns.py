"""Campaigns and their results; `campaign_sending` sends them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from shared.deps import Deps
from shared.documents import Increment, ids
from shared.documents.query import Key, Query
from shared.documents.retry import run_with_retry
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.campaigns import Campaign, CampaignConversion, CampaignStatus
from shared.domain.ids import new_id
from shared.domain.instances import ChannelType
from shared.errors import AlreadyExists, Collision, NotFound, Unprocessable
from shared.usecases import realtime
from shared.usecases.accounts import tenants
from shared.usecases.campaigns import campaign_sending
from shared.usecases.customers import customer_tags, customers

MAX_PAGE = 200


@dataclass(frozen=True, slots=True)
class Report:
    """A campaign and its figures."""

    campaign: Campaign
    responses: int
    conversions: int


def create(deps: Deps, tenant_id: str, fields: Mapping[str, Any]) -> Report:
    """Add a campaign; nothing is sent before its launch."""
    now = deps.now()
    campaign = Campaign(**fields, id=new_id(), tenant_id=tenant_id, advanced_at=now, created_at=now, updated_at=now)
    unit = UnitOfWork(deps.store)
    unit.campaigns.add(campaign)
    unit.commit()
    return Report(campaign, 0, 0)


def list_page(deps: Deps, tenant_id: str, limit: int, cursor: str | None) -> tuple[list[Campaign], str | None]:
    """The tenant's campaigns, the newest first, and the cursor of the next page."""
    query = UnitOfWork(deps.store).campaigns.query().where(lambda campaign: campaign.tenant_id, "==", tenant_id)
    query = query.order_by(lambda campaign: campaign.created_at, descending=True)
    page = query.page(min(limit, MAX_PAGE), cursor)
    return page.documents, page.cursor


def report(deps: Deps, tenant_id: str, campaign_id: str) -> Report:
    """A campaign with its figures, in one read. Raises `NotFound`."""
    unit = UnitOfWork(deps.store)
    unit.fetch(unit.campaigns.key(campaign_id), *_counter_keys(unit, campaign_id))
    return _report(unit, unit.campaigns.owned(tenant_id, campaign_id))


def running(deps: Deps, tenant_id: str) -> list[Report]:
    """The campaigns that are being sent, the newest first, with their figures."""
    unit = UnitOfWork(deps.store)
    page = _running(unit, tenant_id).page(MAX_PAGE)
    unit.fetch(*(key for campaign in page.documents for key in _counter_keys(unit, campaign.id)))
    reports = [_report(unit, campaign) for campaign in page.documents]
    return sorted(reports, key=lambda report: report.campaign.created_at, reverse=True)


def _counter_keys(unit: UnitOfWork, campaign_id: str) -> list[Key]:
    return [unit.campaign_counters.key(counter_id) for counter_id in ids.campaign_counters(campaign_id)]


def _report(unit: UnitOfWork, campaign: Campaign) -> Report:
    counters = unit.campaign_counters.get_many(ids.campaign_counters(campaign.id))
    return Report(
        campaign,
        responses=sum(shard.responses for shard in counters),
        conversions=sum(shard.conversions for shard in counters),
    )


def set_channels(
    deps: Deps, tenant_id: str, campaign_id: str, channels: Sequence[ChannelType], settings: str | None
) -> Report:
    """Replace the channels, and the settings unless None. Raises `Collision` once the campaign is launched."""

    def attempt(unit: UnitOfWork) -> None:
        campaign = unit.campaigns.owned(tenant_id, campaign_id)
        if campaign.status is not CampaignStatus.DRAFT:
            raise Collision("this campaign was launched already: make a new one")
        campaign.channels = list(channels)
        campaign.updated_at = deps.now()
        if settings is not None:
            campaign.settings = settings

    run_with_retry(deps, attempt)
    return report(deps, tenant_id, campaign_id)


def launch(deps: Deps, tenant_id: str, campaign_id: str) -> Campaign:
    """Begin to send; the sweep does it, some customers a minute. A second launch of a running one changes nothing.

    Raises `Unprocessable` without a message or somebody to send it to, `Collision`
    for a campaign that is finished and while the tenant has others enough that are being sent.
    """

    def attempt(unit: UnitOfWork) -> Campaign:
        campaign = unit.campaigns.owned(tenant_id, campaign_id)
        if campaign.status is CampaignStatus.RUNNING:
            return campaign
        if campaign.status is CampaignStatus.FINISHED:
            raise Collision("this campaign was sent already: make a new one")
        has_message = all(campaign.text_on(channel).strip() for channel in campaign.channels)
        if not has_message or campaign.audience.is_empty:
            raise Unprocessable("a campaign needs a message and an audience before it can be launched")
        if not _reaches_anybody(deps, campaign):
            raise Unprocessable("nobody is in this campaign's audience: name customers or tags that there are")
        # Of two launches at once one is decided again, so that they cannot both be the last one that is allowed.
        tenants.revise(tenants.get_or_add(unit, tenant_id, deps.now()))
        if _running(unit, tenant_id).count() >= campaign_sending.MAX_RUNNING:
            limit = campaign_sending.MAX_RUNNING
            raise Collision(f"{limit} campaigns are being sent already: launch this one when one of them is finished")
        campaign.status = CampaignStatus.RUNNING
        campaign.contacts = _audience_size(deps, campaign)
        campaign.advanced_at = campaign.updated_at = deps.now()
        unit.after_commit(lambda: realtime.campaign_updated(deps, campaign))
        return campaign

    return run_with_retry(deps, attempt)


def _running(unit: UnitOfWork, tenant_id: str) -> Query[Campaign]:
    query = unit.campaigns.query().where(lambda campaign: campaign.tenant_id, "==", tenant_id)
    return query.where(lambda campaign: campaign.status, "==", CampaignStatus.RUNNING)


def _reaches_anybody(deps: Deps, campaign: Campaign) -> bool:
    """Whether there is a customer in the audience; which of them a channel reaches is found out by sending."""
    tenant_id, listed_ids = campaign.tenant_id, campaign.audience.customer_ids
    for start in range(0, len(listed_ids), campaign_sending.BATCH):
        batch = listed_ids[start : start + campaign_sending.BATCH]
        if UnitOfWork(deps.store).customers.owned_many(tenant_id, batch):
            return True
    return any(customer_tags.page(deps, tenant_id, tag, 1, None)[0] for tag in campaign.audience.tags)


def _audience_size(deps: Deps, campaign: Campaign) -> int:
    by_tag = (customer_tags.count(deps, campaign.tenant_id, tag) for tag in campaign.audience.tags)
    return len(campaign.audience.customer_ids) + sum(by_tag)


def convert(deps: Deps, tenant_id: str, campaign_id: str, customer_id: str) -> Report:
    """Count that a customer did what the campaign is for, once. Raises `NotFound` unless it was sent to them.

    Customers who were merged are one person, whichever of them the campaign was sent to.
    """
    unit = UnitOfWork(deps.store)
    campaign = unit.campaigns.owned(tenant_id, campaign_id)
    present_id = customers.get(deps, tenant_id, customer_id).id
    customer_ids = [present_id, *customers.former_ids(deps, present_id)]
    message_ids = [campaign.message_id(customer_id) for customer_id in customer_ids]
    conversion_ids = [ids.campaign_conversion(campaign_id, customer_id) for customer_id in customer_ids]
    unit.fetch(
        *(unit.messages.key(message_id) for message_id in message_ids),
        *(unit.campaign_conversions.key(conversion_id) for conversion_id in conversion_ids),
    )
    if not unit.messages.owned_many(tenant_id, message_ids):
        raise NotFound("this campaign was not sent to such a customer")
    if not unit.campaign_conversions.get_many(conversion_ids):
        _count_conversion(deps, campaign, present_id)
    return report(deps, tenant_id, campaign_id)


def _count_conversion(deps: Deps, campaign: Campaign, customer_id: str) -> None:
    conversion = CampaignConversion(
        tenant_id=campaign.tenant_id, campaign_id=campaign.id, customer_id=customer_id, created_at=deps.now()
    )
    unit = UnitOfWork(deps.store)
    unit.campaign_conversions.add(conversion, ids.campaign_conversion(campaign.id, customer_id))
    unit.campaign_counters.patch(ids.campaign_counter(campaign.id, customer_id), conversions=Increment(1))
    with suppress(AlreadyExists):
        unit.commit()
