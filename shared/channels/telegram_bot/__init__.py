"""Telegram bots over the Bot API."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.channel import MEGABYTE, Capabilities, Channel, Pace
from shared.channelkit.lazy import lazily
from shared.channels.telegram_bot.config import TelegramBotConfig
from shared.channels.telegram_bot.webhook import accept, verify
from shared.domain.instances import ChannelType
from shared.domain.kinds import MessageKind

if TYPE_CHECKING:
    from shared.channels.telegram_bot.files import fetch_media
    from shared.channels.telegram_bot.inbound import parse
    from shared.channels.telegram_bot.lifecycle import connect, logout, probe, remove, status
    from shared.channels.telegram_bot.outbound import send
else:
    fetch_media = lazily("shared.channels.telegram_bot.files", "fetch_media")
    parse = lazily("shared.channels.telegram_bot.inbound", "parse")
    connect = lazily("shared.channels.telegram_bot.lifecycle", "connect")
    logout = lazily("shared.channels.telegram_bot.lifecycle", "logout")
    probe = lazily("shared.channels.telegram_bot.lifecycle", "probe")
    remove = lazily("shared.channels.telegram_bot.lifecycle", "remove")
    status = lazily("shared.channels.telegram_bot.lifecycle", "status")
    send = lazily("shared.channels.telegram_bot.outbound", "send")

channel = Channel(
    name="telegram_bot",
    channel_type=ChannelType.TELEGRAM_BOT,
    config=TelegramBotConfig,
    capabilities=Capabilities(
        text_limit=4096,
        markup="telegram",
        # By URL, as the Bot API fetches it: https://core.telegram.org/bots/api#sending-files
        attachments={
            MessageKind.IMAGE: 5 * MEGABYTE,
            MessageKind.VIDEO: 20 * MEGABYTE,
            MessageKind.AUDIO: 20 * MEGABYTE,
            MessageKind.DOCUMENT: 20 * MEGABYTE,
            MessageKind.LOCATION: None,
        },
        reactions=True,
        pace=Pace(per_second=30, chat_seconds=1, chat_burst=5),
    ),
    verify=verify,
    accept=accept,
    parse=parse,
    send=send,
    connect=connect,
    status=status,
    logout=logout,
    remove=remove,
    probe=probe,
    fetch_media=fetch_media,
    api_key="bot_token",
)
