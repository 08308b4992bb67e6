"""Video calls in a browser by Twilio Video."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.channel import Capabilities, Channel
from shared.channelkit.lazy import lazily
from shared.channelkit.twilio_webhooks import verify
from shared.channels.video.config import VideoConfig
from shared.channels.video.inbound import accept, answer, parse
from shared.domain.instances import ChannelType

if TYPE_CHECKING:
    from shared.channels.video.lifecycle import connect, probe
    from shared.channels.video.outbound import opening, send
    from shared.channels.video.rooms import admit, guest_key
else:
    connect = lazily("shared.channels.video.lifecycle", "connect")
    probe = lazily("shared.channels.video.lifecycle", "probe")
    opening = lazily("shared.channels.video.outbound", "opening")
    send = lazily("shared.channels.video.outbound", "send")
    admit = lazily("shared.channels.video.rooms", "admit")
    guest_key = lazily("shared.channels.video.rooms", "guest_key")

channel = Channel(
    name="video",
    channel_type=ChannelType.VIDEO,
    config=VideoConfig,
    capabilities=Capabilities(text_limit=10_000, live=True, addressed_by="customer"),
    verify=verify,
    accept=accept,
    parse=parse,
    send=send,
    answer=answer,
    opening=opening,
    admit=admit,
    guest_key=guest_key,
    connect=connect,
    status=connect,
    probe=probe,
    api_key="auth_token",
)
