"""Telegram accounts of people, over MTProto; holders have their connections."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from shared.channel import Capabilities, Channel, Setup
from shared.channels.telegram_user.config import TEXT_LIMIT, TelegramUserConfig
from shared.domain.messages import FILES, MessageKind

if TYPE_CHECKING:
    from shared.channel.address import AddressModule
    from shared.channel.changes import SupportsDeletions, SupportsEdits
    from shared.channel.connection import ConnectionModule, SupportsHolders
    from shared.channel.inbound import InboundModule
    from shared.channel.lifecycle import SupportsConnecting, SupportsLogout, SupportsRemoval, SupportsStatus
    from shared.channel.login import LoginModule
    from shared.channel.outbound import OutboundModule, SupportsParts
    from shared.channel.presence import SupportsReadMarks
    from shared.channel.settle import SupportsRepeats
    from shared.channel.webhook import WebhookModule
    from shared.channels.telegram_user import (
        address,
        changes,
        connection,
        inbound,
        lifecycle,
        login,
        outbound,
        presence,
        settle,
        webhook,
    )

    _webhook_module: WebhookModule[TelegramUserConfig] = webhook
    _inbound_module: InboundModule = inbound
    _outbound_module: OutboundModule[TelegramUserConfig] = outbound
    _supports_edits: SupportsEdits[TelegramUserConfig] = changes
    _supports_deletions: SupportsDeletions[TelegramUserConfig] = changes
    _supports_read_marks: SupportsReadMarks[TelegramUserConfig] = presence
    _supports_repeats: SupportsRepeats = settle
    _supports_parts: SupportsParts = outbound
    _supports_connecting: SupportsConnecting[TelegramUserConfig] = lifecycle
    _supports_status: SupportsStatus[TelegramUserConfig] = lifecycle
    _supports_logout: SupportsLogout[TelegramUserConfig] = lifecycle
    _supports_removal: SupportsRemoval[TelegramUserConfig] = lifecycle
    _address_module: AddressModule = address
    _connection_module: ConnectionModule[TelegramUserConfig] = connection
    _supports_holders: SupportsHolders = connection
    _login_module: LoginModule = login

channel = Channel(
    config=TelegramUserConfig,
    capabilities=Capabilities(
        text_limit=TEXT_LIMIT,
        markup="telegram",
        attachments=dict.fromkeys([*FILES, MessageKind.LOCATION]),
        reactions=True,
        read_marks=True,
        edits=True,
        edits_within=timedelta(hours=48),
        deletions=True,
    ),
    setup=Setup(title="Telegram", help="Telegram sends a code to the account's other devices, which is entered here."),
    runtime="socket",
    has_webhook=False,
)
