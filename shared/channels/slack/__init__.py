"""Slack: direct messages with a bot, its mentions in channels, slash commands and buttons."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.channel import Capabilities, Channel, Pace, Setup
from shared.channels.slack.config import SlackConfig
from shared.domain.kinds import MessageKind

if TYPE_CHECKING:
    from shared.channel.address import AddressModule
    from shared.channel.changes import SupportsDeletions, SupportsEdits
    from shared.channel.inbound import InboundModule, SupportsEnrichment
    from shared.channel.lifecycle import (
        SupportsConnecting,
        SupportsLogout,
        SupportsProbe,
        SupportsRemoval,
        SupportsStatus,
    )
    from shared.channel.media import MediaModule
    from shared.channel.oauth import OAuthModule, SupportsInstall
    from shared.channel.outbound import OutboundModule, SupportsParts
    from shared.channel.settle import SupportsLookup
    from shared.channel.webhook import SupportsResponse, SupportsSharedAddress, WebhookModule
    from shared.channels.slack import address, changes, inbound, lifecycle, media, oauth, outbound, settle, webhook

    _webhook_module: WebhookModule[SlackConfig] = webhook
    _supports_response: SupportsResponse[SlackConfig] = webhook
    _supports_shared_address: SupportsSharedAddress = webhook
    _inbound_module: InboundModule = inbound
    _supports_enrichment: SupportsEnrichment[SlackConfig] = inbound
    _supports_edits: SupportsEdits[SlackConfig] = changes
    _supports_deletions: SupportsDeletions[SlackConfig] = changes
    _outbound_module: OutboundModule[SlackConfig] = outbound
    _supports_parts: SupportsParts = outbound
    _supports_lookup: SupportsLookup[SlackConfig] = settle
    _supports_connecting: SupportsConnecting[SlackConfig] = lifecycle
    _supports_status: SupportsStatus[SlackConfig] = lifecycle
    _supports_logout: SupportsLogout[SlackConfig] = lifecycle
    _supports_removal: SupportsRemoval[SlackConfig] = lifecycle
    _supports_probe: SupportsProbe[SlackConfig] = lifecycle
    _media_module: MediaModule[SlackConfig] = media
    _oauth_module: OAuthModule[SlackConfig] = oauth
    _supports_install: SupportsInstall[SlackConfig] = oauth
    _address_module: AddressModule = address

channel = Channel(
    config=SlackConfig,
    capabilities=Capabilities(
        # Slack cuts at 40 000 characters and asks for 4 000 (https://docs.slack.dev/changelog/2018-truncating-really-long-messages).
        text_limit=4000,
        uploads=True,
        markup="slack",
        attachments=dict.fromkeys((MessageKind.IMAGE, MessageKind.AUDIO, MessageKind.VIDEO, MessageKind.DOCUMENT)),
        choices=True,
        reactions=True,
        edits=True,
        deletions=True,
        threads=True,
        pace=Pace(chat_seconds=1),
    ),
    setup=Setup(
        title="Slack",
        help="Make an app at https://api.slack.com/apps, and copy its bot token and signing secret.",
        api_key="bot_token",
    ),
)
