"""Sending launched campaigns, some customers at each sweep.

A batch ends with one write of the campaign at the version that was read: how
far it has come and how many messages there are now. A batch that was interrupted
is repeated from its beginning, and the recipients' documents keep customers from
getting a second message: each is made in the commit of its message.

Whether the campaign still runs, and its template may still be sent, is read anew for each customer, so that a pause
stops it within a batch.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from enum import Enum, auto
from functools import partial

from shared.deps import Deps
from shared.documents.query import DocumentUnit
from shared.documents.retry import run_with_retry
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.campaign_rules import with_message
from shared.domain.campaigns import (
    RESPONSE_LIFE,
    Campaign,
    CampaignRecipient,
    CampaignStatus,
    RecipientState,
    SkipReason,
)
from shared.domain.customers import CampaignMark, Customer
from shared.domain.events import OutboundEvent, Topic
from shared.domain.fair_turns import in_turns
from shared.domain.instances import Instance
from shared.domain.messages import Author
from shared.domain.placeholders import ValueMissing
from shared.errors import BadRequest, Collision, Conflict, NotFound, StoreError, Unprocessable
from shared.usecases import realtime
from shared.usecases.accounts import tenants
from shared.usecases.campaigns import (
    campaign_batches,
    campaign_content,
    campaign_pausing,
    campaign_recipients,
    campaign_settling,
)
from shared.usecases.campaigns.campaign_content import Content, Plan
from shared.usecases.conversations import access, sending
from shared.usecases.customers import customers
from shared.usecases.identities import contacts
from shared.usecases.identities.contacts import Contact
from shared.usecases.outbox import enqueueing
from shared.usecases.reporting import campaign_results

log = logging.getLogger(__name__)

MAX_RUNNING = 10
"""Campaigns of one tenant that are sent at the same time."""

# Those whose batches the sweep sends itself; the others' are left to other processes, by the bus.
_MAX_CAMPAIGNS = 5
_PAGE = 500
_MAX_CAMPAIGN_PAGES = 4


class _Outcome(Enum):
    """What became of one customer's turn; `STOPPED` is the campaign's."""

    SENT = auto()
    SKIPPED = auto()
    WAITING = auto()
    STOPPED = auto()


class _Skipped(Exception):
    """The customer gets no message; the arguments are the `SkipReason` and what more there is to say."""


def send_due(deps: Deps) -> int:
    """Have a batch of each running campaign sent, tenant by tenant in turn.

    Returns how many messages this process has added; other processes send what is beyond its share.
    """
    awake = [document for document in _running(deps) if not _is_quiet(deps, document.read())]
    due = in_turns(awake, lambda document: document.read().tenant_id, MAX_RUNNING)
    for campaign in [document.read() for document in due[_MAX_CAMPAIGNS:]]:
        event = OutboundEvent(tenant_id=campaign.tenant_id, campaign_id=campaign.id, due_since=campaign.advanced_at)
        deps.bus.publish(Topic.OUTBOUND, event, key=campaign.id)
    return sum(_advance_alone(deps, document) for document in due[:_MAX_CAMPAIGNS])


def _advance_alone(deps: Deps, document: DocumentUnit[Campaign]) -> int:
    """Send a batch of a campaign; one that fails keeps no others from being sent, and waits for its next turn."""
    campaign = document.read()
    try:
        return _advance(deps, document.unit, campaign)
    except Conflict:  # somebody else has changed what it reads again and again
        return 0
    except StoreError:
        raise
    except Exception:
        log.exception("a batch of a campaign failed", extra={"campaign_id": campaign.id})
        run_with_retry(deps, partial(_end_turn, deps, campaign))
        return 0


def _end_turn(deps: Deps, former: Campaign, unit: UnitOfWork) -> None:
    campaign = unit.campaigns.owned_or_none(former.tenant_id, former.id)
    if campaign is not None:
        campaign.advanced_at = deps.now()


def send_batch(deps: Deps, tenant_id: str, campaign_id: str, due_since: datetime | None) -> int:
    """Send a batch of one campaign, unless it was sent since the sweep saw it; returns how many messages were added.

    In a cancelled one those who wait are skipped.
    """
    unit = UnitOfWork(deps.store)
    campaign = unit.campaigns.owned_or_none(tenant_id, campaign_id)
    if campaign is not None and campaign.status is CampaignStatus.CANCELLED:
        campaign_settling.settle(deps, campaign)
        return 0
    if campaign is None or campaign.status is not CampaignStatus.RUNNING or campaign.advanced_at != due_since:
        return 0
    return _advance(deps, unit, campaign)


def _is_quiet(deps: Deps, campaign: Campaign) -> bool:
    """Whether the tenant's own quiet hours are on; those of each customer are looked at in their turn."""
    quiet = tenants.cached(deps, campaign.tenant_id).quiet_hours
    return quiet is not None and not quiet.by_customer and quiet.end_at(deps.now()) is not None


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
    plan = campaign_content.plan(deps, campaign)
    refusals = plan.refusals(UnitOfWork(deps.store))
    obstacle = plan.obstacle(refusals)
    if obstacle is not None:
        campaign_pausing.pause_for(deps, campaign, obstacle)
        return 0
    batch = campaign_batches.next_batch(deps, campaign)
    due_ids = campaign_batches.due_customer_ids(deps, campaign)
    outcomes = list(_send_all(deps, plan, refusals, [*due_ids, *(each.id for each in batch.customers)]))
    sent = outcomes.count(_Outcome.SENT)
    if _Outcome.STOPPED in outcomes:
        return sent
    campaign.progress = batch.after
    campaign.has_waiting = _Outcome.WAITING in outcomes or (
        campaign.has_waiting and campaign_batches.has_waiting(deps, campaign)
    )
    is_finished = batch.after.is_at_end and not campaign.has_waiting
    campaign.status = CampaignStatus.FINISHED if is_finished else CampaignStatus.RUNNING
    campaign.total_sent += sent
    campaign.advanced_at = deps.now()
    realtime.campaign_updated(deps, unit, campaign)
    try:
        unit.commit()
    except Conflict:
        # The campaign was changed, or another process sent this batch too: the next run continues from there.
        return 0
    unit.run_after_commit()
    return sent


def _send_all(deps: Deps, plan: Plan, refusals: Mapping[str, str], customer_ids: Sequence[str]) -> Iterator[_Outcome]:
    """What became of each of them, be it now or in a run that was interrupted; ends with the campaign's stop."""
    campaign = plan.campaign
    unit = UnitOfWork(deps.store)
    recipient_ids = [campaign.message_id(customer_id) for customer_id in customer_ids]
    former = {each.id: each for each in unit.campaign_recipients.owned_many(campaign.tenant_id, recipient_ids)}
    for customer_id, recipient_id in zip(customer_ids, recipient_ids, strict=True):
        recipient = former.get(recipient_id)
        if recipient is not None and recipient.state is not RecipientState.WAITING:
            yield _former_outcome(recipient)
            continue
        outcome = _send_or_skip(deps, plan, refusals, customer_id)
        yield outcome
        if outcome is _Outcome.STOPPED:
            return


def _former_outcome(recipient: CampaignRecipient) -> _Outcome:
    return _Outcome.SKIPPED if recipient.state is RecipientState.SKIPPED else _Outcome.SENT


def _send_or_skip(deps: Deps, plan: Plan, refusals: Mapping[str, str], customer_id: str) -> _Outcome:
    try:
        return run_with_retry(deps, partial(_send, deps, plan, refusals, customer_id))
    except _Skipped as skipped:
        reason = ": ".join(str(part) for part in skipped.args)
    except NotFound:
        reason = SkipReason.NO_ADDRESS.value
    return run_with_retry(deps, partial(_skip, deps, plan.campaign, customer_id, reason))


def _send(deps: Deps, plan: Plan, refusals: Mapping[str, str], customer_id: str, unit: UnitOfWork) -> _Outcome:
    """Send on the first channel that reaches the customer; raises `_Skipped` when none does or they do not want it."""
    campaign = plan.campaign
    recipient_id, tenant_id = campaign.message_id(customer_id), campaign.tenant_id
    unit.fetch(
        unit.campaigns.key(campaign.id),
        unit.campaign_recipients.key(recipient_id),
        unit.customers.key(customer_id),
        *plan.keys(unit),
    )
    current = unit.campaigns.owned(tenant_id, campaign.id)
    if current.status is not CampaignStatus.RUNNING or plan.refusals(unit) != refusals:
        return _Outcome.STOPPED
    recipient = unit.campaign_recipients.owned_or_none(tenant_id, recipient_id)
    if recipient is not None and recipient.state is not RecipientState.WAITING:
        return _former_outcome(recipient)
    customer, now = customers.current(unit, tenant_id, customer_id), deps.now()
    tenant = tenants.cached(deps, tenant_id)
    refusal = campaign_recipients.general_refusal(tenant, customer, now)
    if refusal is not None:
        raise _Skipped(refusal)
    if customer.id != customer_id and _has_turn(unit, campaign, customer.id):
        raise _Skipped(SkipReason.MERGED)
    contact, content = _chosen(deps, unit, plan, refusals, customer)
    due_at = campaign_recipients.quiet_until(tenant, customer, contact, now)
    state = RecipientState.QUEUED if due_at is None else RecipientState.WAITING
    _place(unit, campaign, customer_id, contact.instance, state, now).due_at = due_at
    if due_at is not None:
        return _Outcome.WAITING
    customer.campaign_sent_at = with_message(customer.campaign_sent_at, now)
    _enqueue(deps, unit, campaign, recipient_id, contact, content)
    return _Outcome.SENT


def _enqueue(
    deps: Deps, unit: UnitOfWork, campaign: Campaign, recipient_id: str, contact: Contact, content: Content
) -> None:
    """Accept the message, and note at the address which campaign an answer is for."""
    contact.identity.campaign = CampaignMark(
        campaign_id=campaign.id, until=deps.now() + RESPONSE_LIFE, recipient_id=recipient_id
    )
    draft = enqueueing.Draft(
        recipient_id,
        Author.SYSTEM,
        text=content.text,
        spans=content.spans,
        template=content.template,
        campaign_id=campaign.id,
    )
    sending.send_unprompted(deps, unit, contact.instance, contact.identity, draft)


def _has_turn(unit: UnitOfWork, campaign: Campaign, customer_id: str) -> bool:
    """Whether the campaign has come to a customer in their own name."""
    return unit.campaign_recipients.owned_or_none(campaign.tenant_id, campaign.message_id(customer_id)) is not None


def _place(
    unit: UnitOfWork,
    campaign: Campaign,
    customer_id: str,
    instance: Instance | None,
    state: RecipientState,
    now: datetime,
    reason: str | None = None,
) -> CampaignRecipient:
    """Write down where the customer stands, who may have been waiting."""
    recipient_id = campaign.message_id(customer_id)
    recipient = unit.campaign_recipients.owned_or_none(campaign.tenant_id, recipient_id)
    if recipient is not None:
        campaign_results.change(unit, recipient, state, now, reason)
        return recipient
    recipient = CampaignRecipient(
        id=recipient_id,
        tenant_id=campaign.tenant_id,
        campaign_id=campaign.id,
        customer_id=customer_id,
        channel=instance.type if instance else None,
        instance_id=instance.id if instance else None,
        state=state,
        reason=reason,
        created_at=now,
        updated_at=now,
    )
    campaign_results.add(unit, recipient)
    return recipient


def _skip(deps: Deps, campaign: Campaign, customer_id: str, reason: str, unit: UnitOfWork) -> _Outcome:
    recipient_id = campaign.message_id(customer_id)
    recipient = unit.campaign_recipients.owned_or_none(campaign.tenant_id, recipient_id)
    if recipient is not None and recipient.state is not RecipientState.WAITING:
        return _former_outcome(recipient)
    _place(unit, campaign, customer_id, None, RecipientState.SKIPPED, deps.now(), reason)
    return _Outcome.SKIPPED


def _chosen(
    deps: Deps, unit: UnitOfWork, plan: Plan, refusals: Mapping[str, str], customer: Customer
) -> tuple[Contact, Content]:
    """Where the customer is reached, and what they are told there; raises `_Skipped`."""
    campaign, reasons = plan.campaign, list[SkipReason]()

    def is_suitable(instance: Instance) -> bool:
        return instance.id not in refusals and campaign_content.can_carry(campaign, instance)

    for channel_type in campaign.channels:
        if channel_type in campaign_recipients.SPOKEN:
            continue
        if not customer.accepts(channel_type):
            reasons.append(SkipReason.OPTED_OUT)
            continue
        try:
            contact = contacts.on_channel(deps, unit, customer, channel_type, is_suitable)
        except (Unprocessable, Collision, NotFound, BadRequest) as error:
            log.info("a campaign does not reach a customer", extra={"campaign_id": campaign.id, "why": error.detail})
            reasons.append(SkipReason.NO_ADDRESS)
            continue
        reason = _refusal_at(deps, unit, campaign, contact)
        if reason is not None:
            reasons.append(reason)
            continue
        try:
            return contact, campaign_content.for_customer(campaign, contact.instance, customer)
        except ValueMissing as missing:
            raise _Skipped(SkipReason.MISSING_VALUE, missing) from None
    raise _Skipped(campaign_recipients.foremost(reasons))


def _refusal_at(deps: Deps, unit: UnitOfWork, campaign: Campaign, contact: Contact) -> SkipReason | None:
    instance, identity = contact.instance, contact.identity
    if access.is_blocked(deps, unit, instance, identity):
        return SkipReason.BLOCKED
    is_closed = campaign_recipients.is_window_closed(campaign, instance, identity.last_inbound_at, deps.now())
    return SkipReason.WINDOW_CLOSED if is_closed else None
