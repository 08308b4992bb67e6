"""WhatsApp accounts that were paired as a linked device; holders have their connections."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from shared.channel import MEGABYTE, Capabilities, Channel, Pace, Setup
from shared.channels.whatsapp_web.config import WhatsAppWebConfig
from shared.domain.kinds import MessageKind, MessageStatus

if TYPE_CHECKING:
    from shared.channel.address import AddressModule
    from shared.channel.changes import SupportsDeletions, SupportsEdits
    from shared.channel.connection import ConnectionModule, SupportsHolders
    from shared.channel.inbound import InboundModule
    from shared.channel.lifecycle import (
        SupportsConnecting,
        SupportsLogout,
        SupportsPairing,
        SupportsRemoval,
        SupportsRestart,
        SupportsStatus,
    )
    from shared.channel.media import MediaModule
    from shared.channel.outbound import OutboundModule, SupportsParts
    from shared.channel.presence import SupportsReadMarks, SupportsTyping
    from shared.channel.settle import SupportsRepeats
    from shared.channel.webhook import WebhookModule
    from shared.channels.whatsapp_web import (
        address,
        changes,
        connection,
        inbound,
        lifecycle,
        media,
        outbound,
        presence,
        settle,
        webhook,
    )

    _webhook_module: WebhookModule[WhatsAppWebConfig] = webhook
    _inbound_module: InboundModule = inbound
    _outbound_module: OutboundModule[WhatsAppWebConfig] = outbound
    _supports_parts: SupportsParts = outbound
    _supports_repeats: SupportsRepeats = settle
    _supports_edits: SupportsEdits[WhatsAppWebConfig] = changes
    _supports_deletions: SupportsDeletions[WhatsAppWebConfig] = changes
    _supports_typing: SupportsTyping[WhatsAppWebConfig] = presence
    _supports_read_marks: SupportsReadMarks[WhatsAppWebConfig] = presence
    _supports_connecting: SupportsConnecting[WhatsAppWebConfig] = lifecycle
    _supports_pairing: SupportsPairing[WhatsAppWebConfig] = lifecycle
    _supports_status: SupportsStatus[WhatsAppWebConfig] = lifecycle
    _supports_restart: SupportsRestart[WhatsAppWebConfig] = lifecycle
    _supports_logout: SupportsLogout[WhatsAppWebConfig] = lifecycle
    _supports_removal: SupportsRemoval[WhatsAppWebConfig] = lifecycle
    _media_module: MediaModule[WhatsAppWebConfig] = media
    _address_module: AddressModule = address
    _connection_module: ConnectionModule[WhatsAppWebConfig] = connection
    _supports_holders: SupportsHolders = connection

channel = Channel(
    config=WhatsAppWebConfig,
    capabilities=Capabilities(
        text_limit=4096,
        typing=True,
        read_marks=True,
        uploads=True,
        markup="whatsapp",
        attachments={
            MessageKind.IMAGE: 16 * MEGABYTE,
            MessageKind.VIDEO: 16 * MEGABYTE,
            MessageKind.AUDIO: 16 * MEGABYTE,
            MessageKind.DOCUMENT: 25 * MEGABYTE,
            MessageKind.STICKER: None,
            MessageKind.LOCATION: None,
            MessageKind.CONTACT: None,
        },
        polls=True,
        receipts=frozenset({MessageStatus.DELIVERED, MessageStatus.READ}),
        reactions=True,
        edits=True,
        edits_within=timedelta(minutes=15),
        deletions=True,
        deletions_within=timedelta(hours=60),
        addressed_by="phone",
        # Whoever writes to strangers faster gets their number banned; people who wrote themselves may be answered.
        pace=Pace(per_second=1, replies_per_second=10, burst=10),
    ),
    setup=Setup(
        title="WhatsApp", help="Open WhatsApp on the phone, Linked devices, and scan the code that is shown here."
    ),
    runtime="socket",
    has_webhook=False,
)
