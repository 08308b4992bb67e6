"""LINE Official Accounts over the Messaging API."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.channel import MEGABYTE, Capabilities, Channel, Pace, Setup
from shared.channels.line.config import LineConfig
from shared.domain.kinds import MessageKind

if TYPE_CHECKING:
    from shared.channel.inbound import InboundModule, SupportsEnrichment
    from shared.channel.lifecycle import SupportsConnecting, SupportsProbe, SupportsStatus
    from shared.channel.media import MediaModule
    from shared.channel.outbound import OutboundModule
    from shared.channel.presence import SupportsReadMarks, SupportsTyping
    from shared.channel.settle import SupportsRepeats
    from shared.channel.webhook import WebhookModule
    from shared.channels.line import inbound, lifecycle, media, outbound, presence, settle, webhook

    _webhook_module: WebhookModule[LineConfig] = webhook
    _inbound_module: InboundModule = inbound
    _supports_enrichment: SupportsEnrichment[LineConfig] = inbound
    _outbound_module: OutboundModule[LineConfig] = outbound
    _supports_repeats: SupportsRepeats = settle
    _media_module: MediaModule[LineConfig] = media
    _supports_connecting: SupportsConnecting[LineConfig] = lifecycle
    _supports_status: SupportsStatus[LineConfig] = lifecycle
    _supports_probe: SupportsProbe[LineConfig] = lifecycle
    _supports_typing: SupportsTyping[LineConfig] = presence
    _supports_read_marks: SupportsReadMarks[LineConfig] = presence

channel = Channel(
    config=LineConfig,
    capabilities=Capabilities(
        text_limit=5000,
        typing=True,
        read_marks=True,
        # https://developers.line.biz/en/reference/messaging-api/#message-objects; other files go as links.
        attachments={
            MessageKind.IMAGE: 10 * MEGABYTE,
            MessageKind.AUDIO: 200 * MEGABYTE,
            MessageKind.VIDEO: 200 * MEGABYTE,
            MessageKind.DOCUMENT: None,
            MessageKind.STICKER: None,
            MessageKind.LOCATION: None,
        },
        choices=True,
        pace=Pace(per_second=2000),
    ),
    setup=Setup(
        title="LINE",
        help="At https://developers.line.biz/console open the Messaging API channel: secret and token are there.",
        api_key="channel_access_token",
    ),
)
