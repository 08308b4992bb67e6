"""Discord: slash commands, buttons and forms over HTTP, ordinary messages over the gateway."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.channel import Capabilities, Channel, Pace, Setup
from shared.channels.discord.config import DiscordConfig
from shared.domain.kinds import MessageKind

if TYPE_CHECKING:
    from shared.channel.address import AddressModule
    from shared.channel.connection import ConnectionModule
    from shared.channel.inbound import InboundModule
    from shared.channel.lifecycle import (
        SupportsConnecting,
        SupportsLogout,
        SupportsProbe,
        SupportsRemoval,
        SupportsStatus,
    )
    from shared.channel.oauth import OAuthModule
    from shared.channel.outbound import OutboundModule
    from shared.channel.webhook import SupportsResponse, SupportsSealing, WebhookModule
    from shared.channels.discord import address, connection, inbound, lifecycle, oauth, outbound, webhook

    _webhook_module: WebhookModule = webhook
    _supports_response: SupportsResponse = webhook
    _supports_sealing: SupportsSealing = webhook
    _inbound_module: InboundModule = inbound
    _outbound_module: OutboundModule = outbound
    _supports_connecting: SupportsConnecting = lifecycle
    _supports_status: SupportsStatus = lifecycle
    _supports_logout: SupportsLogout = lifecycle
    _supports_removal: SupportsRemoval = lifecycle
    _supports_probe: SupportsProbe = lifecycle
    _oauth_module: OAuthModule = oauth
    _address_module: AddressModule = address
    _connection_module: ConnectionModule = connection

channel = Channel(
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
    setup=Setup(title="Discord", api_key="bot_token"),
)
