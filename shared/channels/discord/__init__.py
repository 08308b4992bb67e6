"""Discord: slash commands, buttons and forms over HTTP, ordinary messages over the gateway."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.channel import Capabilities, Channel, Pace, Setup
from shared.channels.discord.config import DiscordConfig
from shared.domain.kinds import MessageKind

if TYPE_CHECKING:
    from shared.channel.address import AddressModule
    from shared.channel.changes import SupportsDeletions, SupportsEdits
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
    from shared.channel.presence import SupportsTyping
    from shared.channel.settle import SupportsLookup
    from shared.channel.webhook import SupportsResponse, SupportsSealing, WebhookModule
    from shared.channels.discord import (
        address,
        changes,
        connection,
        inbound,
        lifecycle,
        oauth,
        outbound,
        presence,
        settle,
        webhook,
    )

    _webhook_module: WebhookModule[DiscordConfig] = webhook
    _supports_response: SupportsResponse[DiscordConfig] = webhook
    _supports_sealing: SupportsSealing[DiscordConfig] = webhook
    _inbound_module: InboundModule = inbound
    _supports_edits: SupportsEdits[DiscordConfig] = changes
    _supports_deletions: SupportsDeletions[DiscordConfig] = changes
    _outbound_module: OutboundModule[DiscordConfig] = outbound
    _supports_lookup: SupportsLookup[DiscordConfig] = settle
    _supports_connecting: SupportsConnecting[DiscordConfig] = lifecycle
    _supports_status: SupportsStatus[DiscordConfig] = lifecycle
    _supports_logout: SupportsLogout[DiscordConfig] = lifecycle
    _supports_removal: SupportsRemoval[DiscordConfig] = lifecycle
    _supports_probe: SupportsProbe[DiscordConfig] = lifecycle
    _oauth_module: OAuthModule[DiscordConfig] = oauth
    _address_module: AddressModule = address
    _connection_module: ConnectionModule[DiscordConfig] = connection
    _supports_typing: SupportsTyping[DiscordConfig] = presence

channel = Channel(
    config=DiscordConfig,
    capabilities=Capabilities(
        text_limit=2000,
        typing=True,
        uploads=True,
        markup="discord",
        attachments=dict.fromkeys((MessageKind.IMAGE, MessageKind.AUDIO, MessageKind.VIDEO, MessageKind.DOCUMENT)),
        choices=True,
        polls=True,
        forwards=True,
        reactions=True,
        edits=True,
        deletions=True,
        threads=True,
        pace=Pace(per_second=50),
    ),
    setup=Setup(
        title="Discord",
        help="Make an application at https://discord.com/developers/applications, and copy its bot token.",
        api_key="bot_token",
    ),
)
