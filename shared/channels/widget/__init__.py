"""The hub's own chat for web pages; its visitors call `/widget/<instance>`, no provider stands between."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.channel import Capabilities, Channel
from shared.channelkit.lazy import lazily
from shared.channels.widget.config import WidgetConfig
from shared.channels.widget.inbound import TEXT_LIMIT, accept, parse, verify
from shared.domain.instances import ChannelType
from shared.domain.messages import FILES

if TYPE_CHECKING:
    from shared.channels.widget.lifecycle import connect
    from shared.channels.widget.outbound import send
else:
    connect = lazily("shared.channels.widget.lifecycle", "connect")
    send = lazily("shared.channels.widget.outbound", "send")

channel = Channel(
    name="widget",
    channel_type=ChannelType.WIDGET,
    config=WidgetConfig,
    capabilities=Capabilities(text_limit=TEXT_LIMIT, attachments=dict.fromkeys(FILES)),
    verify=verify,
    accept=accept,
    parse=parse,
    send=send,
    connect=connect,
    own_door=True,
)
