"""Sending launched campaigns, some customers at each sweep.

A batch ends with one write of the campaign at the version that was read: how
far it has come and how many messages there are now. A batch that was broken off
is done again from its beginning, and the messages' ids keep anybody from
getting a second one.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

from shared.channels import channel, names
from shared.deps import Deps
from shared.documents.retry import run_with_retry
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.campaigns import RESPONSE_LIFE, Campaign, CampaignStatus, Progress, accepts_campaigns
from shared.domain.customers import CampaignMark, Customer
from shared.domain.instances import ChannelType, Instance
from shared.domain.messages import Author, Template
from shared.errors import BadRequest, Collision, Conflict, NotFound, Unprocessable
from shared.ports.store import Document, Merge, Order, Where
from shared.usecases import refs
from shared.usecases.conversations import sending
from shared.usecases.customers import customer_tags, customers
from shared.usecases.identities import contacts
from shared.usecases.identities.contacts import Contact
from shared.usecases.outbox import enqueueing

log = logging.getLogger(__name__)

BATCH = 100
"""Customers who get a campaign's message in one run."""

_CAMPAIGNS = 5
# Pages of tagged customers that are looked at in one run.
_PAGES = 10
_SPOKEN = frozenset({ChannelType.VOICE, ChannelType.VIDEO})


@dataclass(frozen=True, slots=True)
class _Batch:
    """Who is next, where to go on after them, and whether they are the last."""

    recipients: list[Customer] = field(default_factory=list)
    after: Progress = field(default_factory=Progress)
    is_last: bool = False


def send_due(deps: Deps) -> int:
    """Send a batch of each of the campaigns that waited longest; returns how many messages there are more."""
    running = [Where("status", "==", CampaignStatus.RUNNING.value)]
    page = deps.store.find("campaigns", running, [Order("advanced_at")], limit=_CAMPAIGNS)
    return sum(_advance(deps, document) for document in page.documents)


def _advance(deps: Deps, document: Document) -> int:
    campaign = Campaign.model_validate(document.data)
    batch = _next(deps, campaign)
    sent = _send_all(deps, campaign, batch.recipients)
    status = CampaignStatus.FINISHED if batch.is_last else CampaignStatus.RUNNING
    changes = {
        "progress": batch.after.model_dump(),
        "status": status.value,
        "total_sent": campaign.total_sent + sent,
        "advanced_at": deps.now(),
    }
    try:
        deps.store.commit([Merge(document.ref, changes, document.version)])
    except Conflict:
        # Somebody changed the campaign or sent this batch too: the next run takes it up from there.
        return 0
    return sent


def _next(deps: Deps, campaign: Campaign) -> _Batch:
    listed, position = campaign.audience.customer_ids, campaign.progress.position
    if position >= len(listed):
        return _tagged(deps, campaign)
    reached = position + BATCH
    is_last = reached >= len(listed) and not campaign.audience.tags
    found = [_customer(deps, campaign, customer_id) for customer_id in listed[position:reached]]
    return _Batch([each for each in found if each is not None], Progress(position=reached), is_last)


def _customer(deps: Deps, campaign: Campaign, customer_id: str) -> Customer | None:
    """The customer, or whom he was merged into unless that one is listed too."""
    try:
        customer = customers.get(deps, campaign.tenant_id, customer_id)
    except NotFound:
        return None
    if customer.id != customer_id and customer.id in campaign.audience.customer_ids:
        return None
    return customer


def _tagged(deps: Deps, campaign: Campaign) -> _Batch:
    """The customers with the audience's tags, found by an index: who is in it by two of them comes with the first."""
    recipients, tags = list[Customer](), campaign.audience.tags
    at, cursor = campaign.progress.tag, campaign.progress.cursor
    for _ in range(_PAGES):
        if at >= len(tags) or len(recipients) >= BATCH:
            break
        ids, cursor = customer_tags.page(deps, campaign.tenant_id, tags[at], BATCH, cursor)
        people = _people(deps, campaign.tenant_id, ids)
        recipients += [customer for customer in people if campaign.comes_to(customer, at)]
        at += cursor is None
    progress = Progress(position=campaign.progress.position, tag=at, cursor=cursor)
    return _Batch(recipients, progress, is_last=at >= len(tags))


def _people(deps: Deps, tenant_id: str, customer_ids: Sequence[str]) -> list[Customer]:
    """Those that are there, without those merged into others."""
    found = deps.store.get([refs.customer(customer_id) for customer_id in customer_ids])
    people = [Customer.model_validate(document.data) for document in found.values()]
    return [customer for customer in people if customer.tenant_id == tenant_id and not customer.merged_into]


def _send_all(deps: Deps, campaign: Campaign, recipients: Sequence[Customer]) -> int:
    """Returns how many of them have the message, be it from now or from a run that was broken off."""
    willing = [customer for customer in recipients if accepts_campaigns(customer)]
    sent = deps.store.get([refs.message(campaign.message_id(customer.id)) for customer in willing])
    there = 0
    for customer in willing:
        if refs.message(campaign.message_id(customer.id)) in sent:
            there += 1
            continue
        there += run_with_retry(deps, partial(_send, deps, campaign, customer.id), retry_existing=True)
    return there


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
        if channel_type in _SPOKEN:
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
