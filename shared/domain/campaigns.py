"""Campaigns: one message to many customers, on the first channel that reaches each."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from pydantic import BaseModel, Field

from shared.domain.customers import Customer
from shared.domain.ids import stable_id
from shared.domain.instances import ChannelType

RESPONSE_LIFE = timedelta(days=7)
"""How long after the campaign's message the customer's next one counts as a response to it."""

_OPTED_OUT = frozenset({"opted_out", "opted-out", "opt_out", "opt-out", "unsubscribed"})


class CampaignStatus(StrEnum):
    DRAFT = "draft"
    RUNNING = "running"
    FINISHED = "finished"


class Audience(BaseModel):
    """Whom a campaign is for: these customers, and those with any of these tags."""

    tags: list[str] = Field(default_factory=list)
    customer_ids: list[str] = Field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        return not self.tags and not self.customer_ids


class Progress(BaseModel):
    """How far a launch has come: through the listed customers, then, with `cursor`, through all for their tags."""

    position: int = 0
    cursor: str | None = None


class Campaign(BaseModel):
    """A campaign; `channels` are in order of preference.

    `settings` is what the dashboard keeps for each channel, as JSON text that
    the hub does not look into. `total_sent` counts the messages that were
    accepted for sending, `advanced_at` is when the last batch was.
    """

    id: str
    tenant_id: str
    name: str
    channels: list[ChannelType]
    settings: str = "{}"
    audience: Audience = Field(default_factory=Audience)
    message: str = ""
    status: CampaignStatus = CampaignStatus.DRAFT
    progress: Progress = Field(default_factory=Progress)
    total_sent: int = 0
    advanced_at: datetime
    created_at: datetime
    updated_at: datetime

    def message_id(self, customer_id: str) -> str:
        """The id of the message to a customer: however often a launch is resumed, there is one."""
        return stable_id("campaign", self.id, customer_id)

    def wants(self, customer: Customer) -> bool:
        """Whether the customer has a tag of the audience and is not listed in it."""
        return customer.id not in self.audience.customer_ids and not set(self.audience.tags).isdisjoint(customer.tags)


def accepts_campaigns(customer: Customer) -> bool:
    """False for who opted out, by the field or a tag, and for who was merged into somebody else."""
    if customer.opted_out or customer.merged_into:
        return False
    return _OPTED_OUT.isdisjoint(tag.strip().lower() for tag in customer.tags)
