"""The invitation to a room. What is written on this channel stays in the hub: the page beside the room shows it."""

from __future__ import annotations

from shared.channel.outbound import Sent
from shared.channelkit.twilio import PROVIDER
from shared.channels.video.config import VideoConfig
from shared.channels.video.rooms import open_room, room_name
from shared.deps import Deps
from shared.domain.instances import Instance
from shared.domain.outbox import OutboxPayload
from shared.errors import ProviderRejected


def send(deps: Deps, instance: Instance, config: VideoConfig, payload: OutboxPayload) -> Sent:
    """Open the room, so that whoever reads the message can come; Twilio carries no text into rooms."""
    if payload.conversation_id is None:
        raise ProviderRejected(PROVIDER, "the message names no conversation")
    open_room(deps, instance, config, room_name(payload.conversation_id), payload.to)
    return Sent(external_message_id=None)
