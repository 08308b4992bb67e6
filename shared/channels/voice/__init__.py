"""Telephone calls by Twilio."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.channel import Capabilities, Channel, Setup
from shared.channels.voice.config import VoiceConfig
from shared.domain.kinds import MessageStatus

if TYPE_CHECKING:
    from shared.channel.address import AddressModule
    from shared.channel.inbound import InboundModule
    from shared.channel.lifecycle import (
        SupportsConnecting,
        SupportsLogout,
        SupportsProbe,
        SupportsRemoval,
        SupportsStatus,
    )
    from shared.channel.media import MediaModule
    from shared.channel.opening import OpeningModule
    from shared.channel.outbound import OutboundModule
    from shared.channel.webhook import SupportsResponse, WebhookModule
    from shared.channels.voice import address, inbound, lifecycle, media, opening, outbound, webhook

    _webhook_module: WebhookModule[VoiceConfig] = webhook
    _supports_response: SupportsResponse[VoiceConfig] = webhook
    _inbound_module: InboundModule = inbound
    _outbound_module: OutboundModule[VoiceConfig] = outbound
    _opening_module: OpeningModule[VoiceConfig] = opening
    _supports_connecting: SupportsConnecting[VoiceConfig] = lifecycle
    _supports_status: SupportsStatus[VoiceConfig] = lifecycle
    _supports_logout: SupportsLogout[VoiceConfig] = lifecycle
    _supports_removal: SupportsRemoval[VoiceConfig] = lifecycle
    _supports_probe: SupportsProbe[VoiceConfig] = lifecycle
    _media_module: MediaModule[VoiceConfig] = media
    _address_module: AddressModule = address

channel = Channel(
    config=VoiceConfig,
    capabilities=Capabilities(
        text_limit=2500,
        receipts=frozenset({MessageStatus.DELIVERED}),
        live=True,
        in_one_piece=True,
        addressed_by="phone",
    ),
    setup=Setup(
        title="Voice System",
        help="Account SID and auth token are on the first page of https://console.twilio.com.",
        api_key="auth_token",
        provider="twilio",
    ),
)
