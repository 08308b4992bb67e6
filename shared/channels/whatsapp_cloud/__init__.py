"""WhatsApp by Meta's own Cloud API."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from shared.channel import MEGABYTE, Capabilities, Channel, Pace, Setup
from shared.channels.whatsapp_cloud.config import CloudConfig
from shared.domain.kinds import MessageKind, MessageStatus

if TYPE_CHECKING:
    from shared.channel.address import AddressModule
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
    from shared.channel.templates import SupportsTemplates
    from shared.channel.webhook import SupportsChallenge, SupportsRoutes, WebhookModule
    from shared.channels.whatsapp_cloud import (
        address,
        config,
        inbound,
        lifecycle,
        media,
        outbound,
        presence,
        templates,
        webhook,
    )

    _webhook_module: WebhookModule[CloudConfig] = webhook
    _supports_routes: SupportsRoutes = webhook
    _supports_challenge: SupportsChallenge[CloudConfig] = webhook
    _inbound_module: InboundModule = inbound
    _outbound_module: OutboundModule[CloudConfig] = outbound
    _supports_parts: SupportsParts = outbound
    _supports_connecting: SupportsConnecting[CloudConfig] = lifecycle
    _supports_status: SupportsStatus[CloudConfig] = lifecycle
    _supports_logout: SupportsLogout[CloudConfig] = lifecycle
    _supports_removal: SupportsRemoval[CloudConfig] = lifecycle
    _supports_probe: SupportsProbe[CloudConfig] = lifecycle
    _media_module: MediaModule[CloudConfig] = media
    _address_module: AddressModule = address
    _names_account: NamesAccount[CloudConfig] = config
    _supports_typing: SupportsTyping[CloudConfig] = presence
    _supports_read_marks: SupportsReadMarks[CloudConfig] = presence
    _supports_templates: SupportsTemplates[CloudConfig] = templates

channel = Channel(
    webhook_bytes=3 * MEGABYTE,
    config=CloudConfig,
    capabilities=Capabilities(
        text_limit=4096,
        typing=True,
        read_marks=True,
        markup="whatsapp",
        # https://developers.facebook.com/docs/whatsapp/cloud-api/reference/media#supported-media-types
        attachments={
            MessageKind.IMAGE: 5 * MEGABYTE,
            MessageKind.VIDEO: 16 * MEGABYTE,
            MessageKind.AUDIO: 16 * MEGABYTE,
            MessageKind.DOCUMENT: 100 * MEGABYTE,
            MessageKind.STICKER: 500 * 1024,
            MessageKind.LOCATION: None,
            MessageKind.CONTACT: None,
        },
        receipts=frozenset({MessageStatus.SENT, MessageStatus.DELIVERED, MessageStatus.READ}),
        reactions=True,
        window=timedelta(hours=24),
        # Who came by an advertisement may be written to for three days.
        longest_window=timedelta(hours=72),
        templates=True,
        uploads=True,
        choices=True,
        addressed_by="phone",
        pace=Pace(per_second=80, chat_seconds=6, chat_burst=45),
    ),
    setup=Setup(
        title="WhatsApp Business",
        help="At https://developers.facebook.com open the app, WhatsApp, API setup: number id and token are there.",
        api_key="access_token",
        chosen_by=frozenset({"phone_number_id"}),
    ),
)
