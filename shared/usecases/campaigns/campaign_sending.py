"""Sending launched campaigns, some customers at each sweep.

A batch ends with one write of the campaign at the version that was read: how
far it has come and how many messages there are now. A batch that was interrupted
is repeated from its beginning, and the messages' ids keep customers from
getting a second one.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from shared.channels import channel, names
from shared.deps import Deps
from shared.documents.query import DocumentUnit
from shared.documents.retry import run_with_retry
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.campaigns import RESPONSE_LIFE, Campaign, CampaignStatus, Progress, accepts_campaigns
from shared.domain.customers import CampaignMark, Customer
from shared.domain.events import OutboundEvent, Topic
from shared.domain.fair_turns import in_turns
from shared.domain.instances import ChannelType, Instance
from shared.domain.messages import Author
from shared.domain.outbox import Template
from shared.errors import BadRequest, Collision, Conflict, NotFound, Unprocessable
from shared.usecases import realtime
from shared.usecases.conversations import sending
from shared.usecases.customers import customer_tags, customers
from shared.usecases.identities import contacts
from shared.usecases.identities.contacts import Contact
from shared.usecases.outbox import enqueueing

log = logging.getLogger(__name__)

BATCH = 100
"""Customers who get a campaign's message in one run."""

MAX_RUNNING = 10
"""Campaigns of one tenant that are sent at the same time."""

# Those whose batches the sweep sends itself; the others' are left to other processes, by the bus.
_MAX_CAMPAIGNS = 5
_PAGE = 500
_MAX_CAMPAIGN_PAGES = 4
# Pages of tagged customers that are read in one run.
_MAX_PAGES = 10
_SPOKEN = frozenset({ChannelType.VOICE, ChannelType.VIDEO})


@dataclass(frozen=True, slots=True)
class _Batch:
    """The next recipients, where the batch after them begins, and whether they are the last."""

    recipients: list[Customer] = field(default_factory=list)
    after: Progress = field(default_factory=Progress)
    is_last: bool = False


def send_due(deps: Deps) -> int:
    """Have a batch of each running campaign sent, tenant by tenant in turn.

    Returns how many messages this process has added; other processes send what is beyond its share.
    """
    due = in_turns(_running(deps), lambda document: document.read().tenant_id, MAX_RUNNING)
    for campaign in [document.read() for document in due[_MAX_CAMPAIGNS:]]:
        event = OutboundEvent(tenant_id=campaign.tenant_id, campaign_id=campaign.id, due_since=campaign.advanced_at)
        deps.bus.publish(Topic.OUTBOUND, event, key=campaign.id)
    return sum(_advance(deps, document.unit, document.read()) for document in due[:_MAX_CAMPAIGNS])


def send_batch(deps: Deps, tenant_id: str, campaign_id: str, due_since: datetime | None) -> int:
    """Send a batch of one campaign, unless it was sent since the sweep saw it; returns how many messages were added."""
    unit = UnitOfWork(deps.store)
    campaign = unit.campaigns.owned_or_none(tenant_id, campaign_id)
    if campaign is None or campaign.status is not CampaignStatus.RUNNING or campaign.advanced_at != due_since:
        return 0
    return _advance(deps, unit, campaign)


def _running(deps: Deps) -> list[DocumentUnit[Campaign]]:
    """Those that waited longest, without what cannot be read."""
    query = UnitOfWork(deps.store).campaigns.query()
    query = query.where(lambda campaign: campaign.status, "==", CampaignStatus.RUNNING)
    query = query.order_by(lambda campaign: campaign.advanced_at)
    readable: list[DocumentUnit[Campaign]] = []
    cursor: str | None = None
    for _ in range(_MAX_CAMPAIGN_PAGES):
        page = query.unit_page(_PAGE, cursor)
        readable += [document for document in page.documents if document.is_readable]
        cursor = page.cursor
        if cursor is None:
            break
    return readable


def _advance(deps: Deps, unit: UnitOfWork, campaign: Campaign) -> int:
    batch = _next_batch(deps, campaign)
    sent = _send_all(deps, campaign, batch.recipients)
    campaign.progress = batch.after
    campaign.status = CampaignStatus.FINISHED if batch.is_last else CampaignStatus.RUNNING
    campaign.total_sent += sent
    campaign.advanced_at = deps.now()
    try:
        unit.commit()
    except Conflict:
        # The campaign was changed, or another process sent this batch too: the next run continues from there.
        return 0
    realtime.campaign_updated(deps, campaign)
    return sent


def _next_batch(deps: Deps, campaign: Campaign) -> _Batch:
    listed_ids, position = campaign.audience.customer_ids, campaign.progress.position
    if position >= len(listed_ids):
        return _tagged_batch(deps, campaign)
    end = position + BATCH
    is_last = end >= len(listed_ids) and not campaign.audience.tags
    customers_in_batch = [_listed_customer(deps, campaign, customer_id) for customer_id in listed_ids[position:end]]
    recipients = [customer for customer in customers_in_batch if customer is not None]
    return _Batch(recipients, Progress(position=end), is_last)


def _listed_customer(deps: Deps, campaign: Campaign, customer_id: str) -> Customer | None:
    """The customer, or the one whom they were merged into unless that one is listed too."""
    try:
        customer = customers.get(deps, campaign.tenant_id, customer_id)
    except NotFound:
        return None
    if customer.id != customer_id and customer.id in campaign.audience.customer_ids:
        return None
    return customer


def _tagged_batch(deps: Deps, campaign: Campaign) -> _Batch:
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
    progress = Progress(position=campaign.progress.position, tag=tag, cursor=cursor)
    return _Batch(recipients, progress, is_last=tag >= len(tags))


def _send_all(deps: Deps, campaign: Campaign, recipients: Sequence[Customer]) -> int:
    """Returns how many of them have the message, be it from now or from a run that was interrupted."""
    willing = [customer for customer in recipients if accepts_campaigns(customer)]
    message_ids = [campaign.message_id(customer.id) for customer in willing]
    accepted = UnitOfWork(deps.store).messages.owned_many(campaign.tenant_id, message_ids)
    accepted_ids = {message.id for message in accepted}
    sent = 0
    for customer in willing:
        if campaign.message_id(customer.id) in accepted_ids:
            sent += 1
            continue
        sent += run_with_retry(deps, partial(_send, deps, campaign, customer.id))
    return sent


def _send(deps: Deps, campaign: Campaign, customer_id: str, unit: UnitOfWork) -> bool:
    """Send on the first channel that reaches the customer; False when none does or they do not want it."""
    try:
        customer = customers.current(unit, campaign.tenant_id, customer_id)
    except NotFound:
        return False
    contact = _contact(deps, unit, campaign, customer) if accepts_campaigns(customer) else None
    if contact is None:
        return False
    contact.identity.campaign = CampaignMark(campaign_id=campaign.id, until=deps.now() + RESPONSE_LIFE)
    text, template = _content(campaign, contact.instance)
    draft = enqueueing.Draft(campaign.message_id(customer_id), Author.SYSTEM, text=text, template=template)
    sending.send_unprompted(deps, unit, contact.instance, contact.identity, draft)
    return True


def _contact(deps: Deps, unit: UnitOfWork, campaign: Campaign, customer: Customer) -> Contact | None:
    for channel_type in campaign.channels:
        if channel_type in _SPOKEN or not customer.accepts(channel_type):
            continue
        try:
            return contacts.on_channel(deps, unit, customer, channel_type, partial(_can_carry, campaign))
        except (Unprocessable, Collision, NotFound, BadRequest) as error:
            log.info("a campaign does not reach a customer", extra={"campaign_id": campaign.id, "why": error.detail})
    return None


def _can_carry(campaign: Campaign, instance: Instance) -> bool:
    return instance.adapter in names() and any(_content(campaign, instance))


def _content(campaign: Campaign, instance: Instance) -> tuple[str, Template | None]:
    """The text, and the template instead of which it is shown where the channel has templates."""
    if channel(instance.adapter).capabilities.templates and (template := campaign.template_on(instance.type)):
        return campaign.message.strip(), template
    return campaign.text_on(instance.type).strip(), None
