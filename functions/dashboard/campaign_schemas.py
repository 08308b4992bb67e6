"""Campaigns on the wire."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, Field, StringConstraints

from functions.dashboard.schemas import CHANNELS
from functions.dashboard.vocabulary import ChannelTypeName, Tag
from shared.domain.campaigns import Campaign
from shared.domain.instances import ChannelType
from shared.http.display_names import Name
from shared.http.times import WholeSeconds
from shared.usecases.campaigns.campaigns import Report

MAX_SETTINGS = 20_000


def _small(settings: Mapping[ChannelType, dict[str, Any]]) -> Mapping[ChannelType, dict[str, Any]]:
    if len(_settings_text(settings)) > MAX_SETTINGS:
        raise ValueError(f"more than {MAX_SETTINGS} characters as JSON")
    return settings


def _settings_text(settings: Mapping[ChannelType, dict[str, Any]]) -> str:
    return json.dumps({channel.value: options for channel, options in settings.items()})


def _shown_settings(text: str) -> dict[str, dict[str, Any]]:
    return {CHANNELS[ChannelType(channel)]: options for channel, options in json.loads(text).items()}


def _once(channels: list[ChannelType]) -> list[ChannelType]:
    return list(dict.fromkeys(channels))


Channels = Annotated[list[ChannelTypeName], Field(min_length=1, max_length=20), AfterValidator(_once)]
Settings = Annotated[dict[ChannelTypeName, dict[str, Any]], AfterValidator(_small)]
CustomerId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]


class AudienceIn(BaseModel):
    """These customers, and those with any of these tags."""

    tags: list[Tag] = Field(default_factory=list, max_length=50)
    customer_ids: list[CustomerId] = Field(default_factory=list, max_length=1000)


class CampaignIn(BaseModel):
    """`channels` are in order of preference: each customer gets the message on the first that reaches them."""

    name: Name
    channels: Channels
    settings: Settings = Field(default_factory=dict)
    audience: AudienceIn = Field(default_factory=AudienceIn)
    message: str = Field(default="", max_length=4096)

    def to_domain(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "channels": self.channels,
            "settings": _settings_text(self.settings),
            "audience": self.audience.model_dump(),
            "message": self.message,
        }


class CampaignChannelsIn(BaseModel):
    """Both replace what was there; settings that are not given stay."""

    channels: Channels
    settings: Settings | None = None

    @property
    def settings_text(self) -> str | None:
        return None if self.settings is None else _settings_text(self.settings)


class CampaignPath(BaseModel):
    campaign_id: str


class CampaignsQuery(BaseModel):
    limit: int = Field(default=50, ge=1, le=200)
    cursor: str | None = Field(default=None, max_length=2048)


class CampaignMetrics(BaseModel):
    """`total_sent` counts the messages accepted for sending, `responses` the customers who wrote within seven days
    after theirs, `conversions` what was reported as such.
    """

    total_sent: int
    responses: int
    conversions: int


class CampaignReportOut(BaseModel):
    campaign_id: str
    name: str
    channels: list[str]
    metrics: CampaignMetrics

    @classmethod
    def of(cls, report: Report) -> CampaignReportOut:
        return cls(**_report(report))


class CampaignOut(CampaignReportOut):
    """A campaign as it is after a change; `status` is draft, scheduled, running, paused, finished or cancelled."""

    settings: dict[str, dict[str, Any]]
    status: str
    success: bool

    @classmethod
    def of(cls, report: Report) -> CampaignOut:
        campaign = report.campaign
        settings = _shown_settings(campaign.settings)
        return cls(**_report(report), settings=settings, status=campaign.status.value, success=True)


def _report(report: Report) -> dict[str, Any]:
    campaign = report.campaign
    return {
        "campaign_id": campaign.id,
        "name": campaign.name,
        "channels": [CHANNELS[channel] for channel in campaign.channels],
        "metrics": CampaignMetrics(
            total_sent=report.total_sent, responses=report.responses, conversions=report.conversions
        ),
    }


class CampaignItem(BaseModel):
    campaign_id: str
    name: str
    channels: list[str]
    status: str
    created_at: WholeSeconds

    @classmethod
    def of(cls, campaign: Campaign) -> CampaignItem:
        return cls(
            campaign_id=campaign.id,
            name=campaign.name,
            channels=[CHANNELS[channel] for channel in campaign.channels],
            status=campaign.status.value,
            created_at=campaign.created_at,
        )


class CampaignsOut(BaseModel):
    """The newest first."""

    campaigns: list[CampaignItem]
    next_cursor: str | None


class ActiveCampaign(BaseModel):
    """A campaign that is being sent. `channel` is the preferred one, `completed` counts the messages accepted for
    sending, and `success_rate` is the part of those customers who have responded, in percent.
    """

    id: str
    name: str
    status: str
    channel: str
    total_contacts: int
    completed: int
    success_rate: float = Field(ge=0, le=100)
    created_at: WholeSeconds

    @classmethod
    def of(cls, report: Report) -> ActiveCampaign:
        campaign = report.campaign
        sent = report.total_sent
        return cls(
            id=campaign.id,
            name=campaign.name,
            status="active",
            channel=CHANNELS[campaign.channels[0]],
            total_contacts=max(campaign.contacts, sent),
            completed=sent,
            success_rate=round(min(100.0, 100 * report.responses / sent), 1) if sent else 0.0,
            created_at=campaign.created_at,
        )


class ActiveCampaignsOut(BaseModel):
    campaigns: list[ActiveCampaign]


class LaunchedOut(BaseModel):
    success: bool
    campaign_id: str
    status: str


class ConversionIn(BaseModel):
    customer_id: str = Field(min_length=1, max_length=64)
