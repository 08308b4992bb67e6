"""Telegram bots over the Bot API."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from shared.channel import MEGABYTE, Capabilities, Channel, Pace, Setup
from shared.channels.telegram_bot.config import TelegramBotConfig
from shared.domain.kinds import MessageKind

if TYPE_CHECKING:
    from shared.channel.changes import SupportsDeletions, SupportsEdits
    from shared.channel.config import NamesAccount
    from shared.channel.inbound import InboundModule
    from shared.channel.lifecycle import (
        SupportsConnecting,
        SupportsLogout,
        SupportsProbe,
        SupportsRemoval,
        SupportsStatus,
    )
    from shared.channel.media import MediaModule
    from shared.channel.outbound import OutboundModule, SupportsParts
    from shared.channel.presence import SupportsReadMarks, SupportsTyping
    from shared.channel.webhook import SupportsRoutes, WebhookModule
    from shared.channels.telegram_bot import changes, config, inbound, lifecycle, media, outbound, presence, webhook

    _webhook_module: WebhookModule[TelegramBotConfig] = webhook
    _supports_routes: SupportsRoutes = webhook
    _inbound_module: InboundModule = inbound
    _supports_edits: SupportsEdits[TelegramBotConfig] = changes
    _supports_deletions: SupportsDeletions[TelegramBotConfig] = changes
    _outbound_module: OutboundModule[TelegramBotConfig] = outbound
    _supports_parts: SupportsParts = outbound
    _supports_connecting: SupportsConnecting[TelegramBotConfig] = lifecycle
    _supports_status: SupportsStatus[TelegramBotConfig] = lifecycle
    _supports_logout: SupportsLogout[TelegramBotConfig] = lifecycle
    _supports_removal: SupportsRemoval[TelegramBotConfig] = lifecycle
    _supports_probe: SupportsProbe[TelegramBotConfig] = lifecycle
    _media_module: MediaModule[TelegramBotConfig] = media
    _names_account: NamesAccount[TelegramBotConfig] = config
    _supports_typing: SupportsTyping[TelegramBotConfig] = presence
    _supports_read_marks: SupportsReadMarks[TelegramBotConfig] = presence

channel = Channel(
    config=TelegramBotConfig,
    capabilities=Capabilities(
        text_limit=4096,
        typing=True,
        read_marks=True,
        markup="telegram",
        # By URL, as the Bot API fetches it: https://core.telegram.org/bots/api#sending-files
        attachments={
            MessageKind.IMAGE: 5 * MEGABYTE,
            MessageKind.VIDEO: 20 * MEGABYTE,
            MessageKind.AUDIO: 20 * MEGABYTE,
            MessageKind.DOCUMENT: 20 * MEGABYTE,
            MessageKind.STICKER: 512 * 1024,
            MessageKind.LOCATION: None,
            MessageKind.CONTACT: None,
        },
        polls=True,
        forwards=True,
        reactions=True,
        edits=True,
        deletions=True,
        # https://core.telegram.org/bots/api#deletemessage
        deletions_within=timedelta(hours=48),
        uploads=True,
        pace=Pace(per_second=30, chat_seconds=1, chat_burst=5),
    ),
    setup=Setup(
        title="Telegram Bot",
        help="Write /newbot to @BotFather in Telegram: it answers with the token of a new bot.",
        generated=frozenset({"webhook_secret"}),
        api_key="bot_token",
    ),
)
