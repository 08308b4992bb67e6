"""WhatsApp through an Evolution API server, which keeps the socket and its keys."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from shared.channel import MEGABYTE, Capabilities, Channel, Pace, Setup
from shared.channels.whatsapp_evolution.config import EvolutionConfig
from shared.domain.kinds import MessageKind, MessageStatus

if TYPE_CHECKING:
    from shared.channel.address import AddressModule
    from shared.channel.changes import SupportsDeletions, SupportsEdits
    from shared.channel.config import SupportsDefaults
    from shared.channel.inbound import InboundModule
    from shared.channel.lifecycle import (
        SupportsAccounts,
        SupportsBackfill,
        SupportsConnecting,
        SupportsLogout,
        SupportsPairing,
        SupportsProbe,
        SupportsRemoval,
        SupportsRestart,
        SupportsStatus,
    )
    from shared.channel.media import MediaModule
    from shared.channel.outbound import OutboundModule, SupportsParts
    from shared.channel.presence import SupportsReadMarks, SupportsTyping
    from shared.channel.profile import SupportsPicture
    from shared.channel.settle import SupportsLookup
    from shared.channel.webhook import SupportsLargeWebhooks, SupportsRoutes, WebhookModule
    from shared.channels.whatsapp_evolution import (
        address,
        changes,
        config,
        inbound,
        lifecycle,
        media,
        outbound,
        presence,
        profile,
        settle,
        webhook,
    )

    _webhook_module: WebhookModule[EvolutionConfig] = webhook
    _supports_routes: SupportsRoutes = webhook
    _supports_large_webhooks: SupportsLargeWebhooks[EvolutionConfig] = webhook
    _inbound_module: InboundModule = inbound
    _supports_edits: SupportsEdits[EvolutionConfig] = changes
    _supports_deletions: SupportsDeletions[EvolutionConfig] = changes
    _outbound_module: OutboundModule[EvolutionConfig] = outbound
    _supports_parts: SupportsParts = outbound
    _supports_lookup: SupportsLookup[EvolutionConfig] = settle
    _supports_connecting: SupportsConnecting[EvolutionConfig] = lifecycle
    _supports_accounts: SupportsAccounts[EvolutionConfig] = lifecycle
    _supports_backfill: SupportsBackfill[EvolutionConfig] = lifecycle
    _supports_status: SupportsStatus[EvolutionConfig] = lifecycle
    _supports_pairing: SupportsPairing[EvolutionConfig] = lifecycle
    _supports_restart: SupportsRestart[EvolutionConfig] = lifecycle
    _supports_logout: SupportsLogout[EvolutionConfig] = lifecycle
    _supports_removal: SupportsRemoval[EvolutionConfig] = lifecycle
    _supports_probe: SupportsProbe[EvolutionConfig] = lifecycle
    _media_module: MediaModule[EvolutionConfig] = media
    _supports_picture: SupportsPicture[EvolutionConfig] = profile
    _address_module: AddressModule = address
    _supports_defaults: SupportsDefaults = config
    _supports_typing: SupportsTyping[EvolutionConfig] = presence
    _supports_read_marks: SupportsReadMarks[EvolutionConfig] = presence

channel = Channel(
    config=EvolutionConfig,
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
            MessageKind.DOCUMENT: 100 * MEGABYTE,
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
        title="WhatsApp Business",
        help="Enter the address and the global key of an Evolution API server, then scan its code.",
        generated=frozenset({"webhook_secret", "instance_token", "jwt_key"}),
        api_key="evolution_key",
        api_url="evolution_url",
        account="whatsapp_instance",
        chosen_by=frozenset({"evolution_url", "evolution_key"}),
    ),
)
