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
    SCHEDULED = "scheduled"
    RUNNING = "running"
    PAUSED = "paused"
    FINISHED = "finished"
    CANCELLED = "cancelled"


class RecipientState(StrEnum):
    """How far a campaign has come with one customer."""

    WAITING = "waiting"
    """For the end of their quiet hours."""
    QUEUED = "queued"
    SENT = "sent"
    DELIVERED = "delivered"
    READ = "read"
    ANSWERED = "answered"
    OPTED_OUT = "opted_out"
    FAILED = "failed"
    SKIPPED = "skipped"


class SkipReason(StrEnum):
    """Why a customer of the audience gets no message."""

    OPTED_OUT = "opted_out"
    BLOCKED = "blocked"
    NO_ADDRESS = "no_address"
    WINDOW_CLOSED = "window_closed"
    MISSING_VALUE = "missing_value"
    FREQUENCY_CAP = "frequency_cap"
    MERGED = "merged"
    """They became part of another customer whom the campaign has come to."""
    CANCELLED = "cancelled"
    """The campaign was, before their quiet hours ended."""


_RANKS = {
    RecipientState.WAITING: 0,
    RecipientState.QUEUED: 1,
    RecipientState.FAILED: 2,
    RecipientState.SENT: 3,
    RecipientState.DELIVERED: 4,
    RecipientState.READ: 5,
    RecipientState.ANSWERED: 6,
    RecipientState.OPTED_OUT: 7,
    RecipientState.SKIPPED: 8,
}


class CampaignRecipient(BaseModel):
    """One customer of a campaign's audience, who may be part of another one by now.

    `id` is that of the message to them. `reason` tells why it failed or they were skipped, with what more there is to
    say after a colon. `due_at` is when who is waiting can be sent the message.
    """

    id: str
    tenant_id: str
    campaign_id: str
    customer_id: str
    channel: ChannelType | None = None
    instance_id: str | None = None
    state: RecipientState
    reason: str | None = None
    due_at: datetime | None = None
    created_at: datetime
    updated_at: datetime

    def may_become(self, state: RecipientState) -> bool:
        """Reports come in any order: a state only ever moves forward, but a message that was sent may still fail."""
        is_late_failure = state is RecipientState.FAILED and self.state is RecipientState.SENT
        return is_late_failure or _RANKS[state] > _RANKS[self.state]


class Audience(BaseModel):
    """Whom a campaign is for: these customers, and those with any of these tags."""

    tags: list[str] = Field(default_factory=list)
    customer_ids: list[str] = Field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        return not self.tags and not self.customer_ids


class Progress(BaseModel):
    """How far a launch has come: through the listed customers, then through those with each tag in turn.

    At its end there may still be customers who wait for the end of their quiet hours.
    """

    position: int = 0
    tag: int = 0
    cursor: str | None = None
    is_at_end: bool = False


class Campaign(BaseModel):
    """A campaign; `channels` are in order of preference.

    `settings` is what the dashboard keeps for each channel, as JSON text; of it
    the hub uses `template` and `text`. With `is_markdown` the text is written in Markdown. It begins at `send_at`,
    where that is set; `pause_reason` is why it is paused. `has_waiting` says that customers may wait for the end of
    their quiet hours, in a cancelled one: to be skipped. `total_sent` counts the messages that were
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
    is_markdown: bool = False
    send_at: datetime | None = None
    status: CampaignStatus = CampaignStatus.DRAFT
    pause_reason: str | None = None
    has_waiting: bool = False
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
        """What is sent on a channel: the `text` or `template` of its settings when there is one, else the message."""
        settings = json.loads(self.settings).get(channel.value, {})
        text, template = settings.get("text"), settings.get("template")
        if isinstance(text, str) and text.strip():
            return text
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


class DuePosition(BaseModel):
    """Where the next sweep goes on among the campaigns whose time has come; None: with the one that is due longest."""

    cursor: str | None = None


class CampaignCounters(BaseModel):
    """One shard of what customers did after a campaign's message.

    `states` counts the recipients in each state now, `skipped` those who were skipped by reason.
    """

    responses: int = 0
    conversions: int = 0
    states: dict[str, int] = Field(default_factory=dict)
    skipped: dict[str, int] = Field(default_factory=dict)


class CampaignConversion(BaseModel):
    """That a customer did what a campaign was for; there is one for each customer at most."""

    tenant_id: str
    campaign_id: str
    customer_id: str
    created_at: datetime
