"""Slack: direct messages with a bot, its mentions in channels, slash commands and buttons."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.channel import Capabilities, Channel, Pace
from shared.channelkit.lazy import lazily
from shared.channels.slack.config import SlackConfig
from shared.channels.slack.files import fetch_media
from shared.channels.slack.inbound import accept, answer, greet, parse, verify
from shared.channels.slack.lifecycle import connect, install, links, logout, probe, remove, status
from shared.channels.slack.people import complete
from shared.domain.instances import ChannelType
from shared.domain.messages import MessageKind

if TYPE_CHECKING:
    from shared.channels.slack.outbound import send
else:
    send = lazily("shared.channels.slack.outbound", "send")


def _address(given: str) -> str:
    """A user's id, also as Slack writes a mention."""
    return given.strip().removeprefix("<@").partition("|")[0].removesuffix(">")


channel = Channel(
    name="slack",
    channel_type=ChannelType.SLACK,
    config=SlackConfig,
    capabilities=Capabilities(
        # Slack cuts at 40 000 characters and asks for 4 000 (https://docs.slack.dev/changelog/2018-truncating-really-long-messages).
        text_limit=4000,
        markup="slack",
        attachments=dict.fromkeys((MessageKind.IMAGE, MessageKind.AUDIO, MessageKind.VIDEO, MessageKind.DOCUMENT)),
        choices=True,
        reactions=True,
        threads=True,
        pace=Pace(chat_seconds=1),
    ),
    verify=verify,
    accept=accept,
    parse=parse,
    send=send,
    answer=answer,
    greet=greet,
    complete=complete,
    links=links,
    install=install,
    connect=connect,
    status=status,
    logout=logout,
    remove=remove,
    probe=probe,
    fetch_media=fetch_media,
    api_key="bot_token",
    address=_address,
)
