"""Campaigns and their results; `campaign_sending` sends them."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from shared.deps import Deps
from shared.documents import Increment, ids
from shared.documents.query import Key, Query
from shared.documents.retry import run_with_retry
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.campaigns import (
    Campaign,
    CampaignConversion,
    CampaignRecipient,
    CampaignStatus,
    DuePosition,
    RecipientState,
    SkipReason,
)
from shared.domain.fair_turns import in_turns
from shared.domain.ids import new_id
from shared.domain.instances import ChannelType
from shared.errors import AlreadyExists, BadRequest, Collision, Conflict, NotFound, StoreError, Unprocessable
from shared.usecases import realtime
from shared.usecases.accounts import tenants
from shared.usecases.campaigns import (
    campaign_batches,
    campaign_content,
    campaign_pausing,
    campaign_sending,
    campaign_settling,
)
from shared.usecases.customers import customer_tags, customers

MAX_PAGE = 200
_MOST_DUE_PAGES = 10
_POSITION = "campaigns"
_BEGIN_SECONDS = 20.0
"""After this long a sweep begins no further campaign."""

log = logging.getLogger(__name__)


_OPEN = (CampaignStatus.DRAFT, CampaignStatus.SCHEDULED)
_ENDED = (CampaignStatus.FINISHED, CampaignStatus.CANCELLED)
_NOT_SENT = (RecipientState.WAITING, RecipientState.SKIPPED)


@dataclass(frozen=True, slots=True)
class Report:
    """A campaign and its figures: how many recipients are in each state now, and why some were skipped."""

    campaign: Campaign
    responses: int = 0
    conversions: int = 0
    states: Mapping[RecipientState, int] = field(default_factory=dict)
    skipped: Mapping[SkipReason, int] = field(default_factory=dict)

    @property
    def total_sent(self) -> int:
        """How many messages were accepted for sending; those of former versions are only counted in the campaign."""
        accepted = sum(number for state, number in self.states.items() if state not in _NOT_SENT)
        return max(self.campaign.total_sent, accepted)

    def reached(self, *states: RecipientState) -> int:
        """How many recipients are in one of these states now."""
        return sum(self.states.get(state, 0) for state in states)


def create(deps: Deps, tenant_id: str, fields: Mapping[str, Any]) -> Report:
    """Add a campaign; nothing is sent before its launch. Raises `BadRequest` for placeholders that cannot be filled."""
    now = deps.now()
    campaign = Campaign(**fields, id=new_id(), tenant_id=tenant_id, advanced_at=now, created_at=now, updated_at=now)
    campaign_content.check(campaign)
    unit = UnitOfWork(deps.store)
    unit.campaigns.add(campaign)
    unit.commit()
    return Report(campaign)


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
        states={state: sum(shard.states.get(state.value, 0) for shard in counters) for state in RecipientState},
        skipped={reason: sum(shard.skipped.get(reason.value, 0) for shard in counters) for reason in SkipReason},
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
        campaign_content.check(campaign)

    run_with_retry(deps, attempt)
    return report(deps, tenant_id, campaign_id)


def change(deps: Deps, tenant_id: str, campaign_id: str, changes: Mapping[str, Any]) -> Report:
    """Change what is given, until the campaign begins. Raises `NotFound`, `Collision` once it did, and as `create`."""

    def attempt(unit: UnitOfWork) -> None:
        campaign = unit.campaigns.owned(tenant_id, campaign_id)
        if campaign.status not in _OPEN:
            raise Collision(f"this campaign is {campaign.status.value}: make a new one")
        unit.campaigns.change(campaign, {**changes, "updated_at": deps.now()})
        campaign_content.check(campaign)
        if campaign.status is CampaignStatus.SCHEDULED:
            _check_complete(deps, campaign)
            # Without a time it is a draft again, or it would never begin.
            campaign.status = CampaignStatus.SCHEDULED if campaign.send_at else CampaignStatus.DRAFT

    run_with_retry(deps, attempt)
    return report(deps, tenant_id, campaign_id)


def launch(deps: Deps, tenant_id: str, campaign_id: str) -> Campaign:
    """Begin to send, or schedule it for its `send_at`; the sweep sends, some customers a minute.

    A second launch of a running or scheduled one changes nothing. Raises `Unprocessable` without a message or somebody
    to send it to, and where no account can send its template; `Collision` for a campaign that has ended or is paused,
    and while the tenant has others enough that are being sent.
    """
    campaign = UnitOfWork(deps.store).campaigns.owned(tenant_id, campaign_id)
    if campaign.status is CampaignStatus.DRAFT:
        campaign_content.refresh_templates(deps, campaign)

    def attempt(unit: UnitOfWork) -> Campaign:
        campaign = unit.campaigns.owned(tenant_id, campaign_id)
        if campaign.status in (CampaignStatus.RUNNING, CampaignStatus.SCHEDULED):
            return campaign
        if campaign.status is CampaignStatus.PAUSED:
            raise Collision("this campaign is paused: resume it")
        if campaign.status in _ENDED:
            raise Collision("this campaign was sent already: make a new one")
        _check_complete(deps, campaign)
        if campaign.send_at is not None and campaign.send_at > deps.now():
            campaign.status, campaign.updated_at = CampaignStatus.SCHEDULED, deps.now()
            realtime.campaign_updated(deps, unit, campaign)
            return campaign
        return _begin(deps, unit, campaign)

    return run_with_retry(deps, attempt)


def resume(deps: Deps, tenant_id: str, campaign_id: str) -> Campaign:
    """Go on with a paused campaign where it stood. Raises as `launch`, and `Collision` for one that is not paused."""
    campaign = UnitOfWork(deps.store).campaigns.owned(tenant_id, campaign_id)
    campaign_content.refresh_templates(deps, campaign)

    def attempt(unit: UnitOfWork) -> Campaign:
        campaign = unit.campaigns.owned(tenant_id, campaign_id)
        if campaign.status is CampaignStatus.RUNNING:
            return campaign
        if campaign.status is not CampaignStatus.PAUSED:
            raise Collision(f"this campaign is {campaign.status.value}: only a paused one can be resumed")
        _check_complete(deps, campaign)
        campaign.pause_reason = None
        if campaign.send_at is not None and campaign.send_at > deps.now():
            campaign.status, campaign.updated_at = CampaignStatus.SCHEDULED, deps.now()
            return campaign
        return _begin(deps, unit, campaign)

    return run_with_retry(deps, attempt)


def cancel(deps: Deps, tenant_id: str, campaign_id: str) -> Campaign:
    """End a campaign for good; what was accepted for sending still goes out, and who waited is skipped.

    Raises `NotFound`, and `Collision` for a finished one; a cancelled one stays as it is.
    """

    def attempt(unit: UnitOfWork) -> Campaign:
        campaign = unit.campaigns.owned(tenant_id, campaign_id)
        if campaign.status is CampaignStatus.FINISHED:
            raise Collision("this campaign was sent already")
        if campaign.status is CampaignStatus.CANCELLED:
            return campaign
        # A batch that is being sent may still have somebody wait.
        campaign.has_waiting = campaign.status in (CampaignStatus.RUNNING, CampaignStatus.PAUSED)
        campaign.status = CampaignStatus.CANCELLED
        campaign.updated_at = deps.now()
        realtime.campaign_updated(deps, unit, campaign)
        if campaign.has_waiting:
            unit.after_commit(lambda: campaign_settling.wake(deps, campaign))
        return campaign

    return run_with_retry(deps, attempt)


def begin_scheduled(deps: Deps) -> int:
    """Begin campaigns whose time has come, tenant by tenant in turn; returns how many of them were looked at.

    One that cannot be sent is paused, with the reason. What is beyond a tenant's share begins when another has ended,
    and what would take too long, for providers are asked about templates, at a later sweep. Of very many that are due
    each sweep looks at some, and the next one goes on behind them: so those of one tenant keep no other's.
    """
    due, give_up_at = _due(deps), time.monotonic() + _BEGIN_SECONDS
    for campaign in in_turns(due, lambda campaign: campaign.tenant_id, campaign_sending.MAX_RUNNING):
        if time.monotonic() > give_up_at:
            break
        _begin_scheduled(deps, campaign)
    return len(due)


def _due(deps: Deps) -> list[Campaign]:
    query = UnitOfWork(deps.store).campaigns.query()
    query = query.where(lambda campaign: campaign.status, "==", CampaignStatus.SCHEDULED)
    query = query.where(lambda campaign: campaign.send_at, "<=", deps.now())
    query = query.order_by(lambda campaign: campaign.send_at)
    position = _due_position(deps)
    due, cursor = list[Campaign](), position
    for _ in range(_MOST_DUE_PAGES):
        page = query.unit_page(MAX_PAGE, cursor)
        due += [document.read() for document in page.documents if document.is_readable]
        cursor = page.cursor
        if cursor is None:
            break
    if cursor != position:
        unit = UnitOfWork(deps.store)
        unit.due_campaigns.put(DuePosition(cursor=cursor), _POSITION)
        unit.commit()
    return due


def _due_position(deps: Deps) -> str | None:
    position = UnitOfWork(deps.store).due_campaigns.get(_POSITION)
    return position.cursor if position is not None else None


def _begin_scheduled(deps: Deps, due: Campaign) -> None:
    if _is_share_taken(UnitOfWork(deps.store), due.tenant_id):
        return
    try:
        campaign_content.refresh_templates(deps, due)
        run_with_retry(deps, partial(_begin_due, deps, due))
    except Unprocessable as error:
        campaign_pausing.pause_for(deps, due, error.detail)
    except (Collision, Conflict, NotFound):
        log.info("a scheduled campaign waits", extra={"campaign_id": due.id})
    except StoreError:
        raise
    except Exception:
        log.exception("a scheduled campaign cannot begin", extra={"campaign_id": due.id})


def _begin_due(deps: Deps, due: Campaign, unit: UnitOfWork) -> None:
    campaign = unit.campaigns.owned(due.tenant_id, due.id)
    is_due = campaign.send_at is not None and campaign.send_at <= deps.now()
    if campaign.status is CampaignStatus.SCHEDULED and is_due:
        _check_complete(deps, campaign)
        _begin(deps, unit, campaign)


def _check_complete(deps: Deps, campaign: Campaign) -> None:
    """Refuse what cannot be sent to anybody; raises `Unprocessable`."""
    if campaign_content.channels_without_message(campaign) or campaign.audience.is_empty:
        raise Unprocessable("a campaign needs a message and an audience before it can be launched")
    try:
        campaign_content.check(campaign)
    except BadRequest as error:
        raise Unprocessable(error.detail) from error
    if not _reaches_anybody(deps, campaign):
        raise Unprocessable("nobody is in this campaign's audience: name customers or tags that there are")
    plan = campaign_content.plan(deps, campaign)
    obstacle = plan.obstacle(plan.refusals(UnitOfWork(deps.store)))
    if obstacle is not None:
        raise Unprocessable(obstacle)


def _begin(deps: Deps, unit: UnitOfWork, campaign: Campaign) -> Campaign:
    """Have the sweep send it. Raises `Collision` while the tenant has others enough that are being sent."""
    # Of two launches at once one is decided again, so that they cannot both be the last one that is allowed.
    tenants.revise(tenants.get_or_add(unit, campaign.tenant_id, deps.now()))
    if _is_share_taken(unit, campaign.tenant_id):
        limit = campaign_sending.MAX_RUNNING
        raise Collision(f"{limit} campaigns are being sent already: launch this one when one of them is finished")
    campaign.status = CampaignStatus.RUNNING
    campaign.contacts = _audience_size(deps, campaign)
    campaign.advanced_at = campaign.updated_at = deps.now()
    realtime.campaign_updated(deps, unit, campaign)
    return campaign


def _is_share_taken(unit: UnitOfWork, tenant_id: str) -> bool:
    return _running(unit, tenant_id).count() >= campaign_sending.MAX_RUNNING


def _running(unit: UnitOfWork, tenant_id: str) -> Query[Campaign]:
    query = unit.campaigns.query().where(lambda campaign: campaign.tenant_id, "==", tenant_id)
    return query.where(lambda campaign: campaign.status, "==", CampaignStatus.RUNNING)


def _reaches_anybody(deps: Deps, campaign: Campaign) -> bool:
    """Whether there is a customer in the audience; which of them a channel reaches is found out by sending."""
    tenant_id, listed_ids = campaign.tenant_id, campaign.audience.customer_ids
    for start in range(0, len(listed_ids), campaign_batches.BATCH):
        batch = listed_ids[start : start + campaign_batches.BATCH]
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


@dataclass(frozen=True, slots=True)
class NamedRecipient:
    """A recipient with the name that the customer has now; None where they have none, or are gone."""

    recipient: CampaignRecipient
    name: str | None


def recipients(
    deps: Deps, tenant_id: str, campaign_id: str, state: RecipientState | None, limit: int, cursor: str | None
) -> tuple[list[NamedRecipient], str | None]:
    """Whom the campaign has come to, all or those in one state, the first ones first, and the cursor of the next page.

    Raises `NotFound`.
    """
    unit = UnitOfWork(deps.store)
    campaign = unit.campaigns.owned(tenant_id, campaign_id)
    query = unit.campaign_recipients.query().where(lambda recipient: recipient.campaign_id, "==", campaign.id)
    if state is not None:
        query = query.where(lambda recipient: recipient.state, "==", state)
    page = query.order_by(lambda recipient: recipient.created_at).page(limit, cursor)
    customer_ids = list(dict.fromkeys(recipient.customer_id for recipient in page.documents))
    names = {customer.id: customer.name for customer in unit.customers.owned_many(tenant_id, customer_ids)}
    return [NamedRecipient(each, names.get(each.customer_id)) for each in page.documents], page.cursor
