"""Facebook pages over the Messenger platform."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from shared.channel import MEGABYTE, Capabilities, Channel, Pace
from shared.channelkit.lazy import lazily
from shared.channels.facebook.config import FacebookConfig
from shared.channels.facebook.inbound import accept, challenge, parse, verify
from shared.domain.instances import ChannelType
from shared.domain.kinds import MessageKind, MessageStatus

if TYPE_CHECKING:
    from shared.channels.facebook.lifecycle import connect, logout, probe, remove, status
    from shared.channels.facebook.outbound import send
else:
    connect = lazily("shared.channels.facebook.lifecycle", "connect")
    logout = lazily("shared.channels.facebook.lifecycle", "logout")
    probe = lazily("shared.channels.facebook.lifecycle", "probe")
    remove = lazily("shared.channels.facebook.lifecycle", "remove")
    status = lazily("shared.channels.facebook.lifecycle", "status")
    send = lazily("shared.channels.facebook.outbound", "send")

channel = Channel(
    name="facebook",
    channel_type=ChannelType.FACEBOOK,
    config=FacebookConfig,
    capabilities=Capabilities(
        text_limit=2000,
        attachments=dict.fromkeys(
            (MessageKind.IMAGE, MessageKind.AUDIO, MessageKind.VIDEO, MessageKind.DOCUMENT), 25 * MEGABYTE
        ),
        receipts=frozenset({MessageStatus.DELIVERED, MessageStatus.READ}),
        reactions=True,
        window=timedelta(hours=24),
        pace=Pace(per_second=300),
    ),
    verify=verify,
    accept=accept,
    parse=parse,
    send=send,
    challenge=challenge,
    connect=connect,
    status=status,
    logout=logout,
    remove=remove,
    probe=probe,
    api_key="page_access_token",
)
