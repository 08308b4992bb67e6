"""Stopping a campaign, and telling people why."""

from __future__ import annotations

from contextlib import suppress

from shared.deps import Deps
from shared.documents.retry import run_with_retry
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.campaigns import Campaign, CampaignStatus
from shared.domain.ids import new_id
from shared.domain.notifications import Notification
from shared.errors import Collision, NotFound
from shared.usecases import realtime
from shared.usecases.reporting import notifications

BY_PERSON = "by a person"


def pause(deps: Deps, tenant_id: str, campaign_id: str, reason: str) -> Campaign:
    """Stop a campaign that is being sent or scheduled, until it is resumed; people are notified unless they did it.

    A message that is being accepted at that moment may still go out, and what was accepted before does. Raises
    `NotFound`, and `Collision` for a campaign in another state; a paused one stays as it is.
    """

    def attempt(unit: UnitOfWork) -> Campaign:
        campaign = unit.campaigns.owned(tenant_id, campaign_id)
        if campaign.status is CampaignStatus.PAUSED:
            return campaign
        if campaign.status not in (CampaignStatus.RUNNING, CampaignStatus.SCHEDULED):
            raise Collision(f"this campaign is {campaign.status.value}: only one that is being sent can be paused")
        campaign.status, campaign.pause_reason = CampaignStatus.PAUSED, reason
        campaign.updated_at = deps.now()
        if reason != BY_PERSON:
            notifications.add(deps, unit, _note(deps, campaign))
        realtime.campaign_updated(deps, unit, campaign)
        return campaign

    return run_with_retry(deps, attempt)


def pause_for(deps: Deps, campaign: Campaign, reason: str) -> None:
    """As `pause`, for a reason that the hub found itself; one that has ended meanwhile is left alone."""
    with suppress(Collision, NotFound):
        pause(deps, campaign.tenant_id, campaign.id, reason)


def _note(deps: Deps, campaign: Campaign) -> Notification:
    return Notification(
        id=f"campaign-{campaign.id}-{new_id()}",
        tenant_id=campaign.tenant_id,
        type="campaign_paused",
        title="A campaign was paused",
        message=f"{campaign.name}: {campaign.pause_reason}",
        created_at=deps.now(),
    )
