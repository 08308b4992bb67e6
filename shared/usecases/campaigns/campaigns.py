"""Keeping campaigns and counting what came of them; `campaign_sending` sends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.deps import Deps
from shared.domain.campaigns import Campaign, CampaignStatus
from shared.domain.customers import Identity
from shared.domain.ids import new_id
from shared.domain.instances import ChannelType
from shared.errors import AlreadyExists, Collision, NotFound, Unprocessable
from shared.ports.store import Create, Document, Increment, Merge, Order, Where
from shared.usecases import refs
from shared.usecases.customers import customers
from shared.usecases.retrying import decide

MOST = 200


@dataclass(frozen=True, slots=True)
class Report:
    """A campaign and its figures."""

    campaign: Campaign
    responses: int
    conversions: int


def create(deps: Deps, tenant_id: str, fields: Mapping[str, Any]) -> Report:
    """Make a campaign; nothing is sent before its launch."""
    now = deps.now()
    times = {"advanced_at": now, "created_at": now, "updated_at": now}
    campaign = Campaign.model_validate({**fields, "id": new_id(), "tenant_id": tenant_id, **times})
    deps.store.commit([Create(refs.campaign(campaign.id), campaign.model_dump())])
    return Report(campaign, 0, 0)


def list_page(deps: Deps, tenant_id: str, limit: int, cursor: str | None) -> tuple[list[Campaign], str | None]:
    """The tenant's campaigns, the newest first, and the cursor of the next page."""
    where = [Where("tenant_id", "==", tenant_id)]
    page = deps.store.find("campaigns", where, [Order("created_at", descending=True)], min(limit, MOST), cursor)
    return [Campaign.model_validate(document.data) for document in page.documents], page.cursor


def report(deps: Deps, tenant_id: str, campaign_id: str) -> Report:
    """A campaign with its figures, in one read. Raises `NotFound`."""
    ref, shards = refs.campaign(campaign_id), refs.campaign_counters(campaign_id)
    found = deps.store.get([ref, *shards])
    campaign = Campaign.model_validate(_owned(found.get(ref), tenant_id).data)
    counted = [found[shard].data for shard in shards if shard in found]
    return Report(
        campaign,
        responses=sum(data.get("responses", 0) for data in counted),
        conversions=sum(data.get("conversions", 0) for data in counted),
    )


def set_channels(
    deps: Deps, tenant_id: str, campaign_id: str, channels: Sequence[ChannelType], settings: str | None
) -> Report:
    """Replace the channels, and the settings when given; what is not sent yet goes by the new ones."""
    changes: dict[str, Any] = {"channels": [channel.value for channel in channels]}
    if settings is not None:
        changes["settings"] = settings

    def attempt() -> None:
        document = _read(deps, tenant_id, campaign_id)
        deps.store.commit([Merge(document.ref, {**changes, "updated_at": deps.now()}, document.version)])

    decide(attempt)
    return report(deps, tenant_id, campaign_id)


def launch(deps: Deps, tenant_id: str, campaign_id: str) -> Campaign:
    """Begin to send; the sweep does it, some customers a minute. A second launch of a running one changes nothing.

    Raises `Unprocessable` without a message or an audience, `Collision` for a
    campaign that is finished.
    """

    def attempt() -> Campaign:
        document = _read(deps, tenant_id, campaign_id)
        campaign = Campaign.model_validate(document.data)
        if campaign.status is CampaignStatus.RUNNING:
            return campaign
        if campaign.status is CampaignStatus.FINISHED:
            raise Collision("this campaign was sent already: make a new one")
        unsaid = [channel for channel in campaign.channels if not campaign.text_on(channel).strip()]
        if unsaid or campaign.audience.is_empty:
            raise Unprocessable("a campaign needs a message and an audience before it can be launched")
        changes = {"status": CampaignStatus.RUNNING, "advanced_at": deps.now(), "updated_at": deps.now()}
        deps.store.commit([Merge(document.ref, changes, document.version)])
        return campaign.model_copy(update=changes)

    return decide(attempt)


def convert(deps: Deps, tenant_id: str, campaign_id: str, customer_id: str) -> Report:
    """Count that a customer did what the campaign wanted, once. Raises `NotFound` unless it was sent to them.

    Customers who were merged are one person, whichever of them the campaign was sent to.
    """
    campaign = Campaign.model_validate(_read(deps, tenant_id, campaign_id).data)
    person = customers.get(deps, tenant_id, customer_id).id
    ids = [person, *customers.former_ids(deps, person)]
    messages = [refs.message(campaign.message_id(each)) for each in ids]
    conversions = [refs.campaign_conversion(campaign_id, each) for each in ids]
    documents = deps.store.get([*messages, *conversions])
    if documents.keys().isdisjoint(messages):
        raise NotFound("this campaign was not sent to such a customer")
    if documents.keys().isdisjoint(conversions):
        made = {"tenant_id": tenant_id, "campaign_id": campaign_id, "customer_id": person, "created_at": deps.now()}
        counted = Merge(refs.campaign_counter(campaign_id, person), {"conversions": Increment(1)})
        with suppress(AlreadyExists):
            deps.store.commit([Create(refs.campaign_conversion(campaign_id, person), made), counted])
    return report(deps, tenant_id, campaign_id)


def response(identity: Identity, at: datetime) -> list[Merge]:
    """Count the customer's first message after a campaign's as a response to it; goes into the message's commit."""
    mark = identity.campaign
    if mark is None or at > mark.until:
        return []
    return [Merge(refs.campaign_counter(mark.campaign_id, identity.customer_id), {"responses": Increment(1)})]


def _read(deps: Deps, tenant_id: str, campaign_id: str) -> Document:
    ref = refs.campaign(campaign_id)
    return _owned(deps.store.get([ref]).get(ref), tenant_id)


def _owned(document: Document | None, tenant_id: str) -> Document:
    if document is None or document.data.get("tenant_id") != tenant_id:
        raise NotFound("There is no such campaign")
    return document
