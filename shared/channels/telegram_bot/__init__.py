"""Telegram bots over the Bot API."""

from __future__ import annotations

from shared.channel import Channel
from shared.channels.telegram_bot.config import TelegramBotConfig
from shared.channels.telegram_bot.files import fetch_media
from shared.channels.telegram_bot.inbound import accept, parse, verify
from shared.channels.telegram_bot.lifecycle import connect, logout, probe, remove, status
from shared.channels.telegram_bot.outbound import send
from shared.domain.instances import ChannelType

channel = Channel(
    name="telegram_bot",
    channel_type=ChannelType.TELEGRAM_BOT,
    config=TelegramBotConfig,
    text_limit=4096,
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
