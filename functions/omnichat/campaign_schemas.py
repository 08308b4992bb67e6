"""OmniChat's forms of campaigns."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, StringConstraints, WithJsonSchema

from functions.omnichat.message_schemas import TemplateIn
from functions.omnichat.schemas import Request, Wire
from shared.domain.campaigns import Campaign, CampaignStatus, RecipientState
from shared.domain.ids import new_id
from shared.domain.instances import ChannelType
from shared.http.display_names import NOT_BLANK, Name
from shared.http.times import AwareMoment, Milliseconds
from shared.usecases.campaigns.campaign_audiences import Audience
from shared.usecases.campaigns.campaigns import MAX_PAGE, NamedRecipient, Report

MOST_CSV_ROWS = 5000


def _canonical(value: object) -> object:
    return value.strip().lower().replace("-", "_") if isinstance(value, str) else value


_NAMES = WithJsonSchema({"type": "string", "enum": [channel.value.upper() for channel in ChannelType]})
ChannelTypeName = Annotated[ChannelType, BeforeValidator(_canonical), _NAMES]
CustomerId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
Tag = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)]
Text = Annotated[str, Field(min_length=1, max_length=4096), NOT_BLANK]
Channels = Annotated[list[ChannelTypeName], Field(min_length=1, max_length=20, examples=[["TELEGRAM_BOT"]])]


class CampaignAudienceIn(Request, Wire):
    """These customers, and those with any of these tags."""

    tags: list[Tag] = Field(default_factory=list, max_length=50, examples=[["vip"]])
    customer_ids: list[CustomerId] = Field(default_factory=list, max_length=1000, examples=[[]])


class _CampaignContent(Request, Wire):
    message: str = Field(
        default="",
        max_length=4096,
        description="`{{name}}` is filled for each customer, `{{name|there}}` also for who has none; the fields are "
        "name, first_name, email, phone, language and custom.<field>.",
        examples=["Hello {{first_name|there}}, our sale is on."],
    )
    is_markdown: bool = Field(default=False, description="The texts are Markdown, which each channel shows in its way.")
    texts: dict[ChannelTypeName, Text] = Field(
        default_factory=dict, description="What is said on a channel instead of `message`.", examples=[{}]
    )
    templates: dict[ChannelTypeName, TemplateIn] = Field(
        default_factory=dict,
        description="What is sent instead on channels with templates; its parameters may have placeholders.",
        examples=[{}],
    )


def _settings(texts: Mapping[ChannelType, str], templates: Mapping[ChannelType, TemplateIn]) -> str:
    """What is kept for each channel."""
    settings: dict[str, dict[str, Any]] = {}
    for channel, text in texts.items():
        settings.setdefault(channel.value, {})["text"] = text
    for channel, template in templates.items():
        settings.setdefault(channel.value, {})["template"] = template.to_domain().model_dump(exclude_none=True)
    return json.dumps(settings)


class NewCampaignIn(_CampaignContent):
    """`channels` are in order of preference: each customer gets the message on the first that reaches them."""

    name: Name
    channels: Channels
    audience: CampaignAudienceIn = Field(default_factory=CampaignAudienceIn)
    send_at: AwareMoment | None = Field(
        default=None,
        description="When its launch begins to send, with a zone; at once without it.",
        examples=["2036-11-21T10:30:00Z"],
    )

    def to_domain(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "channels": list(dict.fromkeys(self.channels)),
            "settings": _settings(self.texts, self.templates),
            "audience": self.audience.model_dump(),
            "message": self.message,
            "is_markdown": self.is_markdown,
            "send_at": self.send_at,
        }


class CampaignChange(Request, Wire):
    """Only what is given changes, until the campaign begins. Texts and templates are replaced together."""

    takes_away = frozenset({"send_at"})

    name: Name | None = None
    channels: Channels | None = None
    audience: CampaignAudienceIn | None = None
    message: str | None = Field(default=None, max_length=4096, examples=["Hello {{first_name|there}}!"])
    is_markdown: bool | None = None
    texts: dict[ChannelTypeName, Text] | None = Field(default=None, examples=[{}])
    templates: dict[ChannelTypeName, TemplateIn] | None = Field(default=None, examples=[{}])
    send_at: AwareMoment | None = Field(
        default=None, description="Null: no time of its own.", examples=["2036-11-21T10:30:00Z"]
    )

    def changes(self) -> dict[str, Any]:
        changes = self.model_dump(exclude_unset=True, exclude={"texts", "templates"})
        if self.texts is not None or self.templates is not None:
            changes["settings"] = _settings(self.texts or {}, self.templates or {})
        return changes


class AudienceCountIn(_CampaignContent):
    """A campaign as it may be; where it has neither a message nor a template, only the addresses are looked at."""

    channels: Channels
    audience: CampaignAudienceIn

    def to_domain(self, tenant_id: str, now: datetime) -> Campaign:
        return Campaign(
            id=new_id(),
            tenant_id=tenant_id,
            name="",
            channels=list(dict.fromkeys(self.channels)),
            settings=_settings(self.texts, self.templates),
            audience=self.audience.model_dump(),
            message=self.message,
            is_markdown=self.is_markdown,
            advanced_at=now,
            created_at=now,
            updated_at=now,
        )


class AudienceCountOut(Wire):
    """`total`: customers in the audience; who has several of the tags counts for each. The other figures are of the
    first `examined` of them, at most 500: `reachable` would get the message now, the others would be skipped.

    `templateRefusal`: why none of the channels can send the template.
    """

    total: int
    examined: int
    reachable: int
    opted_out: int
    blocked: int
    no_address: int
    window_closed: int
    missing_value: int
    frequency_cap: int
    template_refusal: str | None

    @classmethod
    def of(cls, audience: Audience) -> AudienceCountOut:
        reasons = {reason.value: number for reason, number in audience.skipped.items() if reason in cls.model_fields}
        return cls(
            total=audience.total,
            examined=audience.examined,
            reachable=audience.reachable,
            template_refusal=audience.template_refusal,
            **reasons,
        )


class CampaignIdPath(Wire):
    id: str = Field(max_length=64)


class CampaignPageQuery(Wire):
    limit: int = Field(default=50, ge=1, le=MAX_PAGE)
    cursor: str | None = Field(default=None, max_length=2048)


class RecipientsQuery(Wire):
    state: RecipientState | None = None
    limit: int = Field(default=100, ge=1, le=MAX_PAGE)
    cursor: str | None = Field(default=None, max_length=2048)


class RecipientsCsvQuery(Wire):
    state: RecipientState | None = None
    limit: int = Field(default=MOST_CSV_ROWS, ge=1, le=MOST_CSV_ROWS)
    cursor: str | None = Field(default=None, max_length=2048)


class Funnel(Wire):
    """How far the campaign has come with its recipients. Who has read counts as delivered and sent, too.

    `waiting`: for the end of their quiet hours. `queued`: accepted, but not sent yet. `answered`: wrote within seven
    days; `optedOut`: wanted no more. `skippedBy`: how many of the `skipped` for which reason.
    """

    waiting: int
    queued: int
    sent: int
    delivered: int
    read: int
    answered: int
    opted_out: int
    failed: int
    skipped: int
    skipped_by: dict[str, int]

    @classmethod
    def of(cls, report: Report) -> Funnel:
        state = RecipientState
        wrote = (state.ANSWERED, state.OPTED_OUT)
        return cls(
            waiting=report.reached(state.WAITING),
            queued=report.reached(state.QUEUED),
            sent=report.reached(state.SENT, state.DELIVERED, state.READ, *wrote),
            delivered=report.reached(state.DELIVERED, state.READ, *wrote),
            read=report.reached(state.READ, *wrote),
            answered=report.reached(state.ANSWERED),
            opted_out=report.reached(state.OPTED_OUT),
            failed=report.reached(state.FAILED),
            skipped=report.reached(state.SKIPPED),
            skipped_by={reason.value: number for reason, number in report.skipped.items() if number},
        )


class CampaignListed(Wire):
    """A campaign; `pauseReason`: why it is paused.

    `contacts`: the size of its audience at the launch; `accepted`: the messages that were accepted for sending.
    """

    id: str
    name: str
    status: CampaignStatus
    pause_reason: str | None
    channels: list[str]
    contacts: int
    accepted: int
    send_at: Milliseconds | None
    created_at: Milliseconds
    updated_at: Milliseconds

    @classmethod
    def of(cls, campaign: Campaign) -> CampaignListed:
        return cls(**_about(campaign))


def _about(campaign: Campaign) -> dict[str, Any]:
    names = {"id", "name", "status", "pause_reason", "contacts", "send_at", "created_at", "updated_at"}
    channels = [channel.value.upper() for channel in campaign.channels]
    return campaign.model_dump(include=names) | {"channels": channels, "accepted": campaign.total_sent}


class CampaignListOut(Wire):
    """The newest first."""

    campaigns: list[CampaignListed]
    next_cursor: str | None


class CampaignAudienceOut(Wire):
    tags: list[str]
    customer_ids: list[str]


class CampaignDetailOut(CampaignListed):
    """A campaign and how far it has come."""

    message: str
    is_markdown: bool
    texts: dict[str, str]
    templates: dict[str, dict[str, Any]]
    audience: CampaignAudienceOut
    funnel: Funnel
    conversions: int

    @classmethod
    def of_report(cls, report: Report) -> CampaignDetailOut:
        campaign = report.campaign
        settings: dict[str, dict[str, Any]] = json.loads(campaign.settings)
        own_texts = {name: campaign.text_on(ChannelType(name)) for name in settings}
        templates = {name: campaign.template_on(ChannelType(name)) for name in settings}
        return cls(
            **_about(campaign),
            message=campaign.message,
            is_markdown=campaign.is_markdown,
            texts={name.upper(): text for name, text in own_texts.items() if text != campaign.message},
            templates={
                name.upper(): template.model_dump(exclude_none=True) for name, template in templates.items() if template
            },
            audience=CampaignAudienceOut(**campaign.audience.model_dump()),
            funnel=Funnel.of(report),
            conversions=report.conversions,
        )


class CampaignStatusOut(Wire):
    id: str
    status: CampaignStatus
    pause_reason: str | None

    @classmethod
    def of(cls, campaign: Campaign) -> CampaignStatusOut:
        return cls(id=campaign.id, status=campaign.status, pause_reason=campaign.pause_reason)


class RecipientOut(Wire):
    """One customer of the audience. `reason`: why it failed or they were skipped; `updatedAt`: when the state began."""

    customer_id: str
    customer_name: str | None
    message_id: str
    channel_type: str | None
    state: RecipientState
    reason: str | None
    waits_until: Milliseconds | None
    updated_at: Milliseconds

    @classmethod
    def of(cls, named: NamedRecipient) -> RecipientOut:
        recipient = named.recipient
        is_waiting = recipient.state is RecipientState.WAITING
        return cls(
            customer_id=recipient.customer_id,
            customer_name=named.name,
            message_id=recipient.id,
            channel_type=recipient.channel.value.upper() if recipient.channel else None,
            state=recipient.state,
            reason=recipient.reason,
            waits_until=recipient.due_at if is_waiting else None,
            updated_at=recipient.updated_at,
        )


class RecipientsOut(Wire):
    """In the order in which the campaign came to them."""

    recipients: list[RecipientOut]
    next_cursor: str | None
