"""A channel instance: one account at one provider, belonging to one tenant."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any, Self

from pydantic import BaseModel, Field

from shared.domain.agents import AgentBinding
from shared.domain.instance_options import HubOptions
from shared.domain.status_details import StatusDetail


class ChannelType(StrEnum):
    """The types of channel that the dialects know, and the registry of channels: a line for each type.

    After the type's name come the adapters that serve it, which are the folders of `shared/channels`; the first is the
    type's default. Without any the one adapter has the type's own name.
    """

    adapters: tuple[str, ...]
    _value_: str

    def __new__(cls, name: str, *adapters: str) -> Self:
        member = str.__new__(cls, name)
        member._value_ = name
        member.adapters = adapters or (name,)
        return member

    WHATSAPP = "whatsapp", "whatsapp_evolution", "whatsapp_cloud", "whatsapp_web"
    TELEGRAM_BOT = "telegram_bot"
    TELEGRAM_USER = "telegram_user"
    FACEBOOK = "facebook"
    WIDGET = "widget"
    SLACK = "slack"
    DISCORD = "discord"
    VOICE = "voice"
    VIDEO = "video"
    EMAIL = "email", "email_ses"
    SMS = "sms", "sms_twilio", "sms_sns"
    LINE = "line"
    INSTAGRAM = "instagram"


CALLS = frozenset({ChannelType.VOICE, ChannelType.VIDEO})
"""The channel types on which people call each other."""


class InstanceStatus(StrEnum):
    """Where an instance stands; each dialect shows its own, coarser words."""

    NOT_CONFIGURED = "not_configured"
    CONFIGURED = "configured"
    DISCONNECTED = "disconnected"
    CONNECTING = "connecting"
    WAITING_FOR_SCAN = "waiting_for_scan"
    CONNECTED = "connected"
    ERROR = "error"
    DELETED = "deleted"


class ExternalAgent(BaseModel):
    """The agent service that answers for an instance; its key is in the instance's secret as `agent_api_key`."""

    api_url: str
    default_agent: str
    timeout: int = 60


class PairingCode(BaseModel):
    """A QR code to scan, as the provider gave it; `png_base64` is without the data-URI prefix."""

    text: str | None = None
    png_base64: str | None = None
    pairing_code: str | None = None
    expires_at: datetime


class WebhookHealth(BaseModel):
    """Whether the provider knows where to call us; `error` is what failed.

    `refused_count` calls have not proved that they come from the provider since the webhook was registered, the last
    one at `refused_at` for the reason `refusal`. The last call that was taken came at `received_at`, to some minutes.
    """

    url: str | None = None
    registered_at: datetime | None = None
    error: StatusDetail | None = None
    received_at: datetime | None = None
    refused_count: int = 0
    refused_at: datetime | None = None
    refusal: StatusDetail | None = None


class Instance(BaseModel):
    """One account at a provider.

    `adapter` names the code that speaks to the provider, `config` holds what is
    not secret, `seq` is an integer and `slug` is `<type>-<n>`, both unique in
    the tenant, `name` is unique in the deployment.
    `link_lost_at` is when sending showed that the provider's own connection is
    down; until a message is sent again, the provider's `connected` is ignored.
    `down_since` is when its provider was found to serve nobody; nothing is sent until a check finds it back.
    `pace_per_second` is how many messages a second it may send, where that is not
    up to its channel; 0 means any number. `replies_per_second` is the same for
    replies alone. `checked_at` is when the hub last checked the account's status by
    itself. `account` is the account that is reserved for it at a server of which
    there are several (`channel.lifecycle.SupportsAccounts`). `backfilled_at` is up to when its provider was asked
    for messages that did not arrive, and `is_backfill_due` says that it has connected again since.
    `renewed_at` is when a credential that ends by itself was last connected or renewed.
    Somebody last tried to connect it at `connect_tried_at`, and it last became connected at `connected_at`.
    """

    id: str
    tenant_id: str
    type: ChannelType
    adapter: str
    seq: int
    slug: str
    name: str
    status: InstanceStatus = InstanceStatus.DISCONNECTED
    status_detail: StatusDetail | None = None
    config: dict[str, Any] = Field(default_factory=dict)
    metadata: dict[str, Any] = Field(default_factory=dict)
    external_id: str | None = None
    account: str | None = None
    is_default: bool = False
    agent: ExternalAgent | None = None
    agent_binding: AgentBinding | None = None
    session_id_prefix: str = ""
    phone_number: str | None = None
    display_name: str | None = None
    pairing: PairingCode | None = None
    webhook: WebhookHealth = Field(default_factory=WebhookHealth)
    link_lost_at: datetime | None = None
    down_since: datetime | None = None
    resend_unknown: bool = False
    pace_per_second: float | None = None
    replies_per_second: float | None = None
    checked_at: datetime | None = None
    backfilled_at: datetime | None = None
    is_backfill_due: bool = False
    renewed_at: datetime | None = None
    connect_tried_at: datetime | None = None
    connected_at: datetime | None = None
    created_at: datetime
    updated_at: datetime

    def connected_at_after(self, status: InstanceStatus, now: datetime) -> datetime | None:
        """When it last became connected, once it has a new status."""
        becomes_connected = status is InstanceStatus.CONNECTED and self.status is not status
        return now if becomes_connected else self.connected_at

    def is_connected_since(self, moment: datetime) -> bool:
        """Whether it is connected, and became so later than the moment."""
        is_later = self.connected_at is not None and self.connected_at > moment
        return self.status is InstanceStatus.CONNECTED and is_later

    @property
    def secret_name(self) -> str:
        """The name under which the instance's credentials lie in the secrets port."""
        return f"instance-{self.id}"

    @property
    def options(self) -> HubOptions:
        """What of `config` the hub itself reads."""
        return HubOptions.of(self.config)


class NameReservation(BaseModel):
    """Which instance has a name; the document's id is the name, so that there is one at most."""

    tenant_id: str
    instance_id: str


class AddressReservation(BaseModel):
    """Which instance an account at a provider belongs to; the document's id is made of adapter and account."""

    instance_id: str


class Removal(BaseModel):
    """What a deleted instance leaves at its provider, until the provider has deleted it.

    `id` is the instance's. As long as this document is there, its name and account stay reserved and its secrets kept.
    """

    id: str
    instance: Instance
    attempts: int = 0
    due_at: datetime
    created_at: datetime


class InstanceSet(BaseModel):
    """What must hold over all instances of a tenant.

    `last_number` is the last `seq` that was given out; None where an earlier version numbered over all tenants.
    """

    default_id: str | None = None
    count: int = 0
    last_number: int | None = None
    next_slug: dict[str, int] = Field(default_factory=dict)

    def take_slug(self, channel_type: ChannelType) -> str:
        """Give out the next `<type>-<n>`; numbers are never used again."""
        number = self.next_slug.get(channel_type.value, 1)
        self.next_slug[channel_type.value] = number + 1
        return f"{channel_type.value}-{number}"


class SequenceCounter(BaseModel):
    """The last number that an earlier version gave out, over all tenants."""

    last: int = 0


class PairingLease(BaseModel):
    """Which process pairs an account at the moment, and until when nobody else may."""

    owner: str
    expires_at: datetime


class InstallState(BaseModel):
    """An installation that began with a link of ours.

    Its id is the hash of the link's token, which is also the `state` that the provider returns.
    `browser` is the hash of what the browser that began it keeps in a cookie: only there it can be finished. It is kept
    until the link expires, so that it works once.
    """

    id: str
    tenant_id: str
    instance_id: str
    browser: str | None = None
    used: bool = False
    expires_at: datetime
