"""Facebook pages over the Messenger platform."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from shared.channel import MEGABYTE, Capabilities, Channel, Pace, Setup
from shared.channels.facebook.config import FacebookConfig
from shared.domain.kinds import MessageKind, MessageStatus

if TYPE_CHECKING:
    from shared.channel.inbound import InboundModule
    from shared.channel.lifecycle import (
        SupportsConnecting,
        SupportsLogout,
        SupportsProbe,
        SupportsRemoval,
        SupportsStatus,
    )
    from shared.channel.outbound import OutboundModule, SupportsParts
    from shared.channel.presence import SupportsReadMarks, SupportsTyping
    from shared.channel.settle import SupportsLookup
    from shared.channel.webhook import SupportsChallenge, SupportsRoutes, WebhookModule
    from shared.channels.facebook import inbound, lifecycle, outbound, presence, settle, webhook

    _webhook_module: WebhookModule[FacebookConfig] = webhook
    _supports_routes: SupportsRoutes = webhook
    _supports_challenge: SupportsChallenge[FacebookConfig] = webhook
    _inbound_module: InboundModule = inbound
    _outbound_module: OutboundModule[FacebookConfig] = outbound
    _supports_lookup: SupportsLookup[FacebookConfig] = settle
    _supports_parts: SupportsParts = outbound
    _supports_connecting: SupportsConnecting[FacebookConfig] = lifecycle
    _supports_status: SupportsStatus[FacebookConfig] = lifecycle
    _supports_logout: SupportsLogout[FacebookConfig] = lifecycle
    _supports_removal: SupportsRemoval[FacebookConfig] = lifecycle
    _supports_probe: SupportsProbe[FacebookConfig] = lifecycle
    _supports_typing: SupportsTyping[FacebookConfig] = presence
    _supports_read_marks: SupportsReadMarks[FacebookConfig] = presence

channel = Channel(
    webhook_bytes=3 * MEGABYTE,
    config=FacebookConfig,
    capabilities=Capabilities(
        text_limit=2000,
        typing=True,
        read_marks=True,
        uploads=True,
        attachments=dict.fromkeys(
            (MessageKind.IMAGE, MessageKind.AUDIO, MessageKind.VIDEO, MessageKind.DOCUMENT), 25 * MEGABYTE
        ),
        receipts=frozenset({MessageStatus.DELIVERED, MessageStatus.READ}),
        reactions=True,
        window=timedelta(hours=24),
        pace=Pace(per_second=300),
    ),
    setup=Setup(
        title="Facebook",
        help="At https://developers.facebook.com add Messenger to an app, and make a token for the page.",
        api_key="page_access_token",
    ),
)
