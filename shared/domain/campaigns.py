"""Campaigns: one message to many customers, on the first channel that reaches each."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, Field, ValidationError

from shared.domain.customers import Customer
from shared.domain.ids import stable_id
from shared.domain.instances import ChannelType
from shared.domain.outbox import Template

RESPONSE_LIFE = timedelta(days=7)
"""How long after the campaign's message the customer's next one counts as a response to it."""

_TEMPLATE_NAME = re.compile(r"[a-z0-9]+(_[a-z0-9]+)+")
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
    """How far a launch has come: through the listed customers, then through those with each tag in turn."""

    position: int = 0
    tag: int = 0
    cursor: str | None = None


class Campaign(BaseModel):
    """A campaign; `channels` are in order of preference.

    `settings` is what the dashboard keeps for each channel, as JSON text; of it
    the hub uses `template`. `total_sent` counts the messages that were
    accepted for sending, `advanced_at` is when the last batch was. `contacts` is how
    many customers the audience had at the launch; who has several tags counts for each.
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
    contacts: int = 0
    advanced_at: datetime
    created_at: datetime
    updated_at: datetime

    def message_id(self, customer_id: str) -> str:
        """The id of the message to a customer: however often a launch is resumed, there is one."""
        return stable_id("campaign", self.id, customer_id)

    def text_on(self, channel: ChannelType) -> str:
        """What is sent on a channel: the `template` of its settings when there is one, else the message."""
        template = json.loads(self.settings).get(channel.value, {}).get("template")
        return template if isinstance(template, str) and template.strip() else self.message

    def template_on(self, channel: ChannelType) -> Template | None:
        """The approved template to send where a channel has such: an object as `Template` is one.

        A string counts as a template's name when it is one word as providers spell those.
        """
        settings = json.loads(self.settings).get(channel.value, {})
        template = settings.get("template")
        if isinstance(template, str) and _TEMPLATE_NAME.fullmatch(template.strip()):
            template = {"language": "en_US"} | settings | {"name": template.strip()}
        try:
            return Template.model_validate(template | _filling(template)) if isinstance(template, dict) else None
        except ValidationError:
            return None

    def comes_to(self, customer: Customer, tag: int) -> bool:
        """Whether it is by this tag of the audience that the customer is in it, not by their id or an earlier tag."""
        earlier, current = self.audience.tags[:tag], self.audience.tags[tag]
        if customer.id in self.audience.customer_ids or not set(earlier).isdisjoint(customer.tags):
            return False
        return current in customer.tags


def accepts_campaigns(customer: Customer) -> bool:
    """False for who opted out, by the field or a tag, and for who was merged into somebody else."""
    if customer.opted_out or customer.merged_into:
        return False
    return _OPTED_OUT.isdisjoint(tag.strip().lower() for tag in customer.tags)


def _filling(fields: dict[str, Any]) -> dict[str, Any]:
    if not fields.keys() & {"header", "buttons"}:
        return {}
    from shared.domain.templates import Filling  # noqa: PLC0415 - costs cold start, and few templates are filled so

    return Filling.model_validate(fields).stored()


class CampaignCounters(BaseModel):
    """One shard of what customers did after a campaign's message."""

    responses: int = 0
    conversions: int = 0


class CampaignConversion(BaseModel):
    """That a customer did what a campaign was for; there is one for each customer at most."""

    tenant_id: str
    campaign_id: str
    customer_id: str
    created_at: datetime
