"""Text messages by Twilio; `config.provider` says by whom, so that there may be others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.channel import MEGABYTE, Capabilities, Channel, Pace, Setup
from shared.channels.sms_twilio.config import SmsConfig
from shared.domain.kinds import MessageKind, MessageStatus

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
    from shared.channel.outbound import OutboundModule
    from shared.channel.settle import SupportsLookup
    from shared.channel.webhook import SupportsResponse, WebhookModule
    from shared.channels.sms_twilio import address, inbound, lifecycle, media, outbound, settle, webhook

    _webhook_module: WebhookModule[SmsConfig] = webhook
    _supports_response: SupportsResponse[SmsConfig] = webhook
    _inbound_module: InboundModule = inbound
    _outbound_module: OutboundModule[SmsConfig] = outbound
    _supports_lookup: SupportsLookup[SmsConfig] = settle
    _supports_connecting: SupportsConnecting[SmsConfig] = lifecycle
    _supports_status: SupportsStatus[SmsConfig] = lifecycle
    _supports_logout: SupportsLogout[SmsConfig] = lifecycle
    _supports_removal: SupportsRemoval[SmsConfig] = lifecycle
    _supports_probe: SupportsProbe[SmsConfig] = lifecycle
    _media_module: MediaModule[SmsConfig] = media
    _address_module: AddressModule = address

channel = Channel(
    config=SmsConfig,
    capabilities=Capabilities(
        text_limit=1600,
        attachments=dict.fromkeys(
            (MessageKind.IMAGE, MessageKind.AUDIO, MessageKind.VIDEO, MessageKind.DOCUMENT), 5 * MEGABYTE
        ),
        receipts=frozenset({MessageStatus.SENT, MessageStatus.DELIVERED}),
        # Each text is paid for.
        in_one_piece=True,
        addressed_by="phone",
        pace=Pace(per_second=1),
    ),
    setup=Setup(
        title="SMS",
        help="Account SID and auth token are on the first page of https://console.twilio.com.",
        api_key="auth_token",
        provider="twilio",
    ),
)
