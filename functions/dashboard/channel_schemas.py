"""The Dashboard's wire forms of channels."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer

from functions.dashboard.schemas import CHANNELS, MAX_PAGE, WithDetail
from functions.dashboard.vocabulary import VOCABULARY
from shared.domain.instances import CALLS, ChannelType, Instance, InstanceStatus
from shared.domain.status_details import ConfigField, StatusDetail
from shared.http.described import DescribedByFields
from shared.http.display_names import Name
from shared.http.times import WholeSeconds
from shared.usecases.instances.instance_config import shown_config
from shared.usecases.instances.instance_documents import label
from shared.usecases.overview.channels import ChannelFigures

_HEALTH = {
    InstanceStatus.CONNECTED: "healthy",
    InstanceStatus.ERROR: "unhealthy",
    InstanceStatus.DISCONNECTED: "unhealthy",
    InstanceStatus.DELETED: "unhealthy",
    InstanceStatus.NOT_CONFIGURED: "unknown",
}
"""What is not listed is on its way: `degraded`."""


class MessagingMetrics(BaseModel):
    """`active_sessions` are open now. The others reach back 30 days, and over all of the first one (UTC).

    `total_messages` counts both directions; `response_time` is the average time
    in seconds from a customer's first unanswered message until an answer was accepted.
    """

    active_sessions: int
    total_messages: int
    response_time: float


class CallMetrics(BaseModel):
    """`active_calls` go on now. The others reach back 30 days, and over all of the first one (UTC).

    `call_quality` is from 0 to 5: how customers rated those sessions.
    """

    active_calls: int
    total_minutes: float
    call_quality: float


class ChannelOut(BaseModel):
    """A channel. `config` holds what is not secret; its fields differ by type."""

    id: str
    type: str
    name: str
    status: str
    config: dict[str, Any]
    metrics: MessagingMetrics | CallMetrics

    @classmethod
    def of(cls, figures: ChannelFigures) -> ChannelOut:
        instance = figures.instance
        is_voice = instance.type is ChannelType.VOICE
        return cls(
            id=instance.slug,
            type=CHANNELS[instance.type],
            name=label(instance),
            status=instance.status.value,
            config=_voice_config(instance) if is_voice else _config(instance),
            metrics=_call_metrics(figures) if instance.type in CALLS else _metrics(figures),
        )


def _config(instance: Instance) -> dict[str, Any]:
    fields = {
        "phone_number": instance.phone_number or instance.config.get("phone_number"),
        "webhook_url": instance.config.get("webhook_url") or instance.webhook.url,
    }
    return fields | {name: value for name, value in shown_config(instance).items() if name not in fields}


def _voice_config(instance: Instance) -> dict[str, Any]:
    account = instance.config.get("twilio_account_sid") or instance.config.get("account_sid")
    fields = {"twilio_account_sid": account, "phone_number": instance.phone_number}
    return fields | {name: value for name, value in shown_config(instance).items() if name not in fields}


def _metrics(figures: ChannelFigures) -> MessagingMetrics:
    counters = figures.counters
    return MessagingMetrics(
        active_sessions=figures.active, total_messages=counters.messages, response_time=counters.response_time
    )


def _call_metrics(figures: ChannelFigures) -> CallMetrics:
    counters = figures.counters
    return CallMetrics(active_calls=figures.active, total_minutes=counters.minutes, call_quality=counters.call_quality)


class IntegratedMetrics(BaseModel):
    """`avgResponseTime` and `responseTime` are the channel's `response_time`; 0 for calls."""

    avgResponseTime: float
    responseTime: float


class IntegratedChannel(BaseModel):
    """A channel as the genuine page reads it: whether it is `enabled` decides if it is shown as active."""

    channel: str
    type: str
    name: str
    enabled: bool
    configuration: dict[str, Any]
    rate_limits: dict[str, Any]
    activeCount: int
    metrics: IntegratedMetrics

    @classmethod
    def of(cls, figures: ChannelFigures) -> IntegratedChannel:
        channel = ChannelOut.of(figures)
        seconds = 0.0 if isinstance(channel.metrics, CallMetrics) else channel.metrics.response_time
        return cls(
            channel=channel.type,
            type=channel.type,
            name=channel.name,
            enabled=figures.instance.status is InstanceStatus.CONNECTED,
            configuration=channel.config,
            rate_limits={},
            activeCount=figures.active,
            metrics=IntegratedMetrics(avgResponseTime=seconds, responseTime=seconds),
        )


class ChannelsOut(DescribedByFields):
    """`integrations` has the same channels by their id; it is left out where there are none."""

    channels: list[ChannelOut]
    integrations: dict[str, IntegratedChannel] | None = None

    @classmethod
    def of(cls, page: Sequence[ChannelFigures]) -> ChannelsOut:
        return cls(
            channels=[ChannelOut.of(figures) for figures in page],
            integrations={figures.instance.slug: IntegratedChannel.of(figures) for figures in page} or None,
        )

    @model_serializer(mode="wrap")
    def _without_empty(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {name: value for name, value in serialize(self).items() if value is not None}


class ChannelsQuery(BaseModel):
    limit: int = Field(default=MAX_PAGE, ge=1, le=MAX_PAGE)
    cursor: str | None = Field(default=None, max_length=2048)


class ChannelTypePath(BaseModel):
    channel_type: str = Field(description="whatsapp, voice, video, chat, email, sms, or another type of the hub")


class ChannelChoice(BaseModel):
    channel_id: str | None = Field(
        default=None, max_length=64, description="Which channel of the type is meant; else the default one."
    )

    @property
    def spellings(self) -> tuple[str, ...]:
        """As given, and where that leads to none with the hub's word: `chat-1` is shown as `widget-1`."""
        channel_id = self.channel_id or ""
        return (channel_id, re.sub(r"^chat-(?=\d+$)", "widget-", channel_id)) if channel_id else ()


class ConfigureIn(BaseModel):
    """Settings of the channel, whatever its type takes; `api_key` is kept as a secret, `name` is what to call it."""

    model_config = ConfigDict(extra="allow")

    name: Name | None = None
    phone_number: str | None = Field(default=None, max_length=40)
    webhook_url: str | None = Field(default=None, max_length=2048)
    api_key: str | None = Field(default=None, max_length=4096)

    @property
    def config(self) -> dict[str, Any]:
        """What was given, without the name."""
        return self.model_dump(exclude_unset=True, exclude={"name"})


class ConfiguredOut(WithDetail):
    success: bool
    channel_id: str
    status: str


class ChannelStatusOut(WithDetail):
    """How a channel type stands: of several channels the best, with the sessions of all.

    `last_ping` is when that channel's connection was last checked or changed;
    `health` is healthy, degraded (on its way), unhealthy, or unknown.
    """

    channel_type: str
    status: str
    last_ping: WholeSeconds | None
    health: str
    active_sessions: int


def lacking(status: InstanceStatus, detail: StatusDetail | None) -> str | None:
    """What a channel lacks, in this dialect's names; of what a provider says only the settings that it mentions, for
    its words may hold secrets.
    """
    if detail is None or status not in (InstanceStatus.NOT_CONFIGURED, InstanceStatus.ERROR):
        return None
    if status is InstanceStatus.NOT_CONFIGURED:
        return VOCABULARY.sentence(detail.sentence)
    mentioned = dict.fromkeys(part.field for part in detail.parts if isinstance(part, ConfigField))
    return f"check {', '.join(mentioned)}" if mentioned else None


def health(status: InstanceStatus) -> str:
    """This dialect's word for how well a channel is."""
    return _HEALTH.get(status, "degraded")
