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

from shared.channels import names
from shared.deps import Deps
from shared.domain.campaigns import RESPONSE_LIFE, Campaign, CampaignStatus, Progress, accepts_campaigns
from shared.domain.customers import CampaignMark, Customer
from shared.domain.instances import ChannelType
from shared.domain.messages import Author
from shared.errors import BadRequest, Collision, Conflict, NotFound, Unprocessable
from shared.ports.store import Document, Merge, Order, Where
from shared.usecases import refs
from shared.usecases.customers import customers
from shared.usecases.pipeline import outbound, sends
from shared.usecases.pipeline.reach import Reached, reach
from shared.usecases.retrying import decide

log = logging.getLogger(__name__)

BATCH = 100
"""Customers who get a campaign's message in one run."""

_CAMPAIGNS = 5
# Customers whose tags are looked at in one run, in pages.
_PAGE = 200
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
    cursor, recipients = campaign.progress.cursor, list[Customer]()
    position = campaign.progress.position
    if not campaign.audience.tags:
        return _Batch(is_last=True, after=campaign.progress)
    for _ in range(_PAGES):
        found, cursor = customers.list_page(deps, campaign.tenant_id, _PAGE, cursor)
        recipients += [customer for customer in found if campaign.wants(customer)]
        if cursor is None or len(recipients) >= BATCH:
            break
    return _Batch(recipients, Progress(position=position, cursor=cursor), is_last=cursor is None)


def _send_all(deps: Deps, campaign: Campaign, recipients: Sequence[Customer]) -> int:
    """Returns how many of them have the message, be it from now or from a run that was broken off."""
    willing = [customer for customer in recipients if accepts_campaigns(customer)]
    sent = deps.store.get([refs.message(campaign.message_id(customer.id)) for customer in willing])
    there = 0
    for customer in willing:
        if refs.message(campaign.message_id(customer.id)) in sent:
            there += 1
            continue
        there += decide(lambda customer=customer: _send(deps, campaign, customer.id))  # type: ignore[misc]  # bound now
    return there


def _send(deps: Deps, campaign: Campaign, customer_id: str) -> bool:
    """Send on the first channel that reaches the customer; False when none does or he does not want it."""
    try:
        document = customers.read(deps, campaign.tenant_id, customer_id)
    except NotFound:
        return False
    if not accepts_campaigns(Customer.model_validate(document.data)):
        return False
    reached = _reached(deps, campaign, document)
    if reached is None:
        return False
    mark = CampaignMark(campaign_id=campaign.id, until=deps.now() + RESPONSE_LIFE)
    draft = outbound.Draft(campaign.message_id(customer_id), Author.SYSTEM, text=campaign.message)
    sends.send_unasked(deps, reached.instance, reached.known, draft, {"campaign": mark.model_dump()})
    return True


def _reached(deps: Deps, campaign: Campaign, customer: Document) -> Reached | None:
    for channel in campaign.channels:
        try:
            reached = reach(deps, customer, channel)
        except (Unprocessable, Collision, NotFound, BadRequest) as error:
            log.info("a campaign does not reach a customer", extra={"campaign_id": campaign.id, "why": error.detail})
            continue
        if reached.instance.adapter in names() and channel not in _SPOKEN:
            return reached
    return None
