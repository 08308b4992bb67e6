"""Skipping who waits for the end of their quiet hours when their campaign is cancelled.

A batch that was being sent at that moment may have somebody wait afterwards: so the sweep looks again for a while.
"""

from __future__ import annotations

from datetime import timedelta
from functools import partial

from shared.deps import Deps
from shared.documents.query import Query
from shared.documents.retry import run_with_retry
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.campaigns import Campaign, CampaignStatus, RecipientState, SkipReason
from shared.domain.events import OutboundEvent, Topic
from shared.usecases import realtime
from shared.usecases.campaigns import campaign_batches
from shared.usecases.reporting import campaign_results

_AT_ONCE = 100
"""Recipients of one commit."""
_MOST_COMMITS = 10
"""Of one event; another one goes on."""
_LOOK_AGAIN_FOR = timedelta(minutes=10)
"""Longer than any function may run."""


def unsettled(deps: Deps) -> Query[Campaign]:
    """The cancelled campaigns in which somebody may wait."""
    query = UnitOfWork(deps.store).campaigns.query()
    query = query.where(lambda campaign: campaign.status, "==", CampaignStatus.CANCELLED)
    query = query.where(lambda campaign: campaign.has_waiting, "==", True)
    return query.order_by(lambda campaign: campaign.updated_at)


def wake(deps: Deps, campaign: Campaign) -> None:
    """Have whoever has time skip those who wait."""
    deps.bus.publish(
        Topic.OUTBOUND, OutboundEvent(tenant_id=campaign.tenant_id, campaign_id=campaign.id), key=campaign.id
    )


def settle(deps: Deps, campaign: Campaign) -> None:
    """Skip those who wait in a cancelled campaign, some of them; where there are more another event is published."""
    for number in range(_MOST_COMMITS):
        waiting_ids = campaign_batches.waiting_ids(deps, campaign, _AT_ONCE)
        if not waiting_ids:
            run_with_retry(deps, partial(_end, deps, campaign))
            if number:
                realtime.campaign_updated(deps, None, campaign)
            return
        run_with_retry(deps, partial(_skip, deps, campaign, waiting_ids))
    wake(deps, campaign)


def _skip(deps: Deps, campaign: Campaign, recipient_ids: list[str], unit: UnitOfWork) -> None:
    for recipient in unit.campaign_recipients.owned_many(campaign.tenant_id, recipient_ids):
        if recipient.state is RecipientState.WAITING:
            recipient.due_at = None
            campaign_results.change(unit, recipient, RecipientState.SKIPPED, deps.now(), SkipReason.CANCELLED.value)


def _end(deps: Deps, former: Campaign, unit: UnitOfWork) -> None:
    campaign = unit.campaigns.owned_or_none(former.tenant_id, former.id)
    if campaign is not None and deps.now() - campaign.updated_at > _LOOK_AGAIN_FOR:
        campaign.has_waiting = False
