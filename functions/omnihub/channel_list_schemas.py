"""The list of channels that later Omni servers have: what each instance can do, and how it is."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel

from functions.omnihub.connection_schemas import STATES, State
from functions.omnihub.schemas import Word
from shared import channels
from shared.channel import Capabilities
from shared.domain.instances import ChannelType, Instance, InstanceStatus
from shared.domain.messages import MessageKind
from shared.http.times import WholeSeconds
from shared.usecases.instances.instance_documents import label

_GROUPS = frozenset(
    {
        ChannelType.WHATSAPP,
        ChannelType.TELEGRAM_BOT,
        ChannelType.TELEGRAM_USER,
        ChannelType.SLACK,
        ChannelType.DISCORD,
        ChannelType.LINE,
    }
)
"""The channels in which several people can write to us in one chat."""


class ChannelListQuery(BaseModel):
    channel_type: Word | None = None

    @property
    def types(self) -> Sequence[ChannelType] | None:
        """The types to list; None for all."""
        return [self.channel_type] if self.channel_type else None


class ListedChannel(BaseModel):
    """An instance. What the hub does not count or know is null."""

    instance_name: str
    channel_type: ChannelType
    display_name: str
    status: State
    is_healthy: bool
    supports_contacts: bool
    supports_groups: bool
    supports_media: bool
    supports_voice: bool
    avatar_url: None = None
    description: None = None
    total_contacts: None = None
    total_chats: None = None
    channel_data: dict[str, str]
    connected_at: None = None
    last_activity_at: WholeSeconds | None

    @classmethod
    def of(cls, instance: Instance) -> ListedChannel:
        attachments = _capabilities(instance).attachments
        return cls(
            instance_name=instance.name,
            channel_type=instance.type,
            display_name=label(instance),
            status=STATES[instance.status],
            is_healthy=instance.status is InstanceStatus.CONNECTED,
            supports_contacts=True,
            supports_groups=instance.type in _GROUPS,
            supports_media=bool(attachments),
            supports_voice=MessageKind.AUDIO in attachments,
            channel_data={"phone_number": instance.phone_number} if instance.phone_number else {},
            last_activity_at=instance.webhook.received_at,
        )


def _capabilities(instance: Instance) -> Capabilities:
    """Those of an adapter that is no more are none."""
    if instance.adapter not in channels.names():
        return Capabilities(text_limit=0)
    return channels.channel(instance.adapter).capabilities


class PartialError(BaseModel):
    """A channel that could not be read; the hub reads what it has stored, so that there are none."""

    instance_name: str
    channel_type: ChannelType
    error_code: str
    message: str


class ChannelListOut(BaseModel):
    channels: list[ListedChannel]
    total_count: int
    healthy_count: int
    partial_errors: list[PartialError]

    @classmethod
    def of(cls, instances: Sequence[Instance]) -> ChannelListOut:
        listed = [ListedChannel.of(instance) for instance in instances]
        healthy = sum(channel.is_healthy for channel in listed)
        return cls(channels=listed, total_count=len(listed), healthy_count=healthy, partial_errors=[])


class DiscoveredInstance(BaseModel):
    """An instance as later servers tell that they have found it."""

    name: str
    channel_type: ChannelType
    status: State
    configured: bool
    active: bool
    channel_data: dict[str, str]

    @classmethod
    def of(cls, instance: Instance) -> DiscoveredInstance:
        return cls(
            name=instance.name,
            channel_type=instance.type,
            status=STATES[instance.status],
            configured=instance.status is not InstanceStatus.NOT_CONFIGURED,
            active=instance.status is InstanceStatus.CONNECTED,
            channel_data={"phone_number": instance.phone_number} if instance.phone_number else {},
        )


class DiscoveryOut(BaseModel):
    message: str
    instances: list[DiscoveredInstance]
    total_discovered: int

    @classmethod
    def of(cls, instances: Sequence[Instance]) -> DiscoveryOut:
        listed = [DiscoveredInstance.of(instance) for instance in instances]
        return cls(message=f"There are {len(listed)} instances", instances=listed, total_discovered=len(listed))
