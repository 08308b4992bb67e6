"""Discord: slash commands, buttons and forms over HTTP, ordinary messages over the gateway."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.channel import Capabilities, Channel, Pace
from shared.channelkit.lazy import lazily
from shared.channels.discord.concealing import conceal
from shared.channels.discord.config import DiscordConfig
from shared.channels.discord.inbound import accept, answer, parse, verify
from shared.channels.discord.lifecycle import connect, links, logout, probe, remove, status
from shared.domain.instances import ChannelType
from shared.domain.messages import MessageKind

if TYPE_CHECKING:
    from shared.channels.discord.outbound import send
else:
    send = lazily("shared.channels.discord.outbound", "send")


def _address(given: str) -> str:
    """A user's id, also as Discord writes a mention."""
    return given.strip().removeprefix("<@").removeprefix("!").removesuffix(">")


channel = Channel(
    name="discord",
    channel_type=ChannelType.DISCORD,
    config=DiscordConfig,
    capabilities=Capabilities(
        text_limit=2000,
        markup="discord",
        attachments=dict.fromkeys((MessageKind.IMAGE, MessageKind.AUDIO, MessageKind.VIDEO, MessageKind.DOCUMENT)),
        choices=True,
        reactions=True,
        threads=True,
        pace=Pace(per_second=50),
    ),
    verify=verify,
    accept=accept,
    conceal=conceal,
    parse=parse,
    send=send,
    answer=answer,
    links=links,
    connect=connect,
    status=status,
    logout=logout,
    remove=remove,
    probe=probe,
    api_key="bot_token",
    address=_address,
)
