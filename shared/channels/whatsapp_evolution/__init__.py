"""WhatsApp through an Evolution API server, which keeps the socket and its keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.channel import MEGABYTE, Capabilities, Channel, Pace, Setup
from shared.channels.whatsapp_evolution.config import EvolutionConfig
from shared.domain.kinds import MessageKind, MessageStatus

if TYPE_CHECKING:
    from shared.channel.address import AddressModule
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
    from shared.channel.settle import SupportsLookup
    from shared.channel.webhook import SupportsLargeWebhooks, SupportsRoutes, WebhookModule
    from shared.channels.whatsapp_evolution import address, config, inbound, lifecycle, media, outbound, settle, webhook

    _webhook_module: WebhookModule[EvolutionConfig] = webhook
    _supports_routes: SupportsRoutes = webhook
    _supports_large_webhooks: SupportsLargeWebhooks[EvolutionConfig] = webhook
    _inbound_module: InboundModule = inbound
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
    _address_module: AddressModule = address
    _supports_defaults: SupportsDefaults = config

channel = Channel(
    config=EvolutionConfig,
    capabilities=Capabilities(
        text_limit=4096,
        markup="whatsapp",
        attachments={
            MessageKind.IMAGE: 16 * MEGABYTE,
            MessageKind.VIDEO: 16 * MEGABYTE,
            MessageKind.AUDIO: 16 * MEGABYTE,
            MessageKind.DOCUMENT: 100 * MEGABYTE,
            MessageKind.LOCATION: None,
        },
        receipts=frozenset({MessageStatus.DELIVERED, MessageStatus.READ}),
        reactions=True,
        addressed_by="phone",
        # Whoever writes to strangers faster gets their number banned; people who wrote themselves may be answered.
        pace=Pace(per_second=1, replies_per_second=10, burst=10),
    ),
    setup=Setup(
        title="WhatsApp Business",
        api_key="evolution_key",
        api_url="evolution_url",
        account="whatsapp_instance",
        chosen_by=frozenset({"evolution_url", "evolution_key"}),
    ),
)
