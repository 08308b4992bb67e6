"""Instagram professional accounts: direct messages over Meta's Instagram messaging."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from shared.channel import MEGABYTE, Capabilities, Channel, Pace, Setup
from shared.channels.instagram.config import InstagramConfig
from shared.domain.kinds import MessageKind, MessageStatus

if TYPE_CHECKING:
    from shared.channel.inbound import InboundModule, SupportsEnrichment
    from shared.channel.lifecycle import (
        SupportsConnecting,
        SupportsLogout,
        SupportsProbe,
        SupportsRemoval,
        SupportsRenewal,
        SupportsStatus,
    )
    from shared.channel.oauth import OAuthModule, SupportsInstall
    from shared.channel.outbound import OutboundModule, SupportsParts
    from shared.channel.presence import SupportsReadMarks, SupportsTyping
    from shared.channel.settle import SupportsLookup
    from shared.channel.webhook import SupportsChallenge, SupportsRoutes, WebhookModule
    from shared.channels.instagram import inbound, lifecycle, oauth, outbound, presence, settle, webhook

    _webhook_module: WebhookModule[InstagramConfig] = webhook
    _supports_routes: SupportsRoutes = webhook
    _supports_challenge: SupportsChallenge[InstagramConfig] = webhook
    _inbound_module: InboundModule = inbound
    _supports_enrichment: SupportsEnrichment[InstagramConfig] = inbound
    _outbound_module: OutboundModule[InstagramConfig] = outbound
    _supports_lookup: SupportsLookup[InstagramConfig] = settle
    _supports_parts: SupportsParts = outbound
    _supports_connecting: SupportsConnecting[InstagramConfig] = lifecycle
    _supports_status: SupportsStatus[InstagramConfig] = lifecycle
    _supports_logout: SupportsLogout[InstagramConfig] = lifecycle
    _supports_removal: SupportsRemoval[InstagramConfig] = lifecycle
    _supports_renewal: SupportsRenewal[InstagramConfig] = lifecycle
    _supports_probe: SupportsProbe[InstagramConfig] = lifecycle
    _oauth_module: OAuthModule[InstagramConfig] = oauth
    _supports_install: SupportsInstall[InstagramConfig] = oauth
    _supports_typing: SupportsTyping[InstagramConfig] = presence
    _supports_read_marks: SupportsReadMarks[InstagramConfig] = presence

channel = Channel(
    config=InstagramConfig,
    capabilities=Capabilities(
        # Of characters that take one byte: Instagram counts 1000 bytes, and what has more is cut when it is sent.
        text_limit=1000,
        typing=True,
        read_marks=True,
        # https://developers.facebook.com/docs/messenger-platform/instagram/features/send-message
        attachments={
            MessageKind.IMAGE: 8 * MEGABYTE,
            MessageKind.AUDIO: 25 * MEGABYTE,
            MessageKind.VIDEO: 25 * MEGABYTE,
            MessageKind.DOCUMENT: 25 * MEGABYTE,
        },
        receipts=frozenset({MessageStatus.READ}),
        reactions=True,
        window=timedelta(hours=24),
        # What people write, with the tag HUMAN_AGENT.
        longest_window=timedelta(days=7),
        choices=True,
        pace=Pace(per_second=100),
    ),
    setup=Setup(
        title="Instagram",
        help="At https://developers.facebook.com add Instagram to an app, and make a token for the account.",
        api_key="access_token",
    ),
)
