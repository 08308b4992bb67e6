"""E-mail through Amazon SES, which tells of mails over SNS and keeps them in S3."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.channel import MEGABYTE, Capabilities, Channel, Pace, Setup
from shared.channels.email_ses.config import EmailConfig
from shared.domain.messages import FILES, MessageStatus

if TYPE_CHECKING:
    from shared.channel.address import AddressModule
    from shared.channel.inbound import InboundModule, SupportsEnrichment
    from shared.channel.lifecycle import (
        SupportsConnecting,
        SupportsLogout,
        SupportsProbe,
        SupportsRemoval,
        SupportsStatus,
    )
    from shared.channel.media import MediaModule
    from shared.channel.outbound import OutboundModule
    from shared.channel.webhook import SupportsResponse, SupportsSignatureLookup, WebhookModule
    from shared.channels.email_ses import address, inbound, lifecycle, media, outbound, webhook

    _webhook_module: WebhookModule[EmailConfig] = webhook
    _supports_response: SupportsResponse[EmailConfig] = webhook
    _supports_signature_lookup: SupportsSignatureLookup[EmailConfig] = webhook
    _inbound_module: InboundModule = inbound
    _supports_enrichment: SupportsEnrichment[EmailConfig] = inbound
    _outbound_module: OutboundModule[EmailConfig] = outbound
    _supports_connecting: SupportsConnecting[EmailConfig] = lifecycle
    _supports_status: SupportsStatus[EmailConfig] = lifecycle
    _supports_logout: SupportsLogout[EmailConfig] = lifecycle
    _supports_removal: SupportsRemoval[EmailConfig] = lifecycle
    _supports_probe: SupportsProbe[EmailConfig] = lifecycle
    _media_module: MediaModule[EmailConfig] = media
    _address_module: AddressModule = address

channel = Channel(
    config=EmailConfig,
    capabilities=Capabilities(
        text_limit=100_000,
        uploads=True,
        markup="html",
        attachments=dict.fromkeys(FILES, 25 * MEGABYTE),
        receipts=frozenset({MessageStatus.DELIVERED, MessageStatus.READ}),
        threads=True,
        in_one_piece=True,
        addressed_by="email",
        pace=Pace(per_second=14),
    ),
    setup=Setup(
        title="Email",
        help="Verify the sending address in Amazon SES, and make an access key for a user who may send by it.",
        api_key="secret_access_key",
    ),
)
