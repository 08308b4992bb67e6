"""Text messages through Amazon: SNS sends them, two-way SMS brings the answers over a topic."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.channel import Capabilities, Channel, Pace, Setup
from shared.channels.sms_sns.config import SnsSmsConfig
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
    from shared.channel.outbound import OutboundModule
    from shared.channel.webhook import SupportsResponse, SupportsSignatureLookup, WebhookModule
    from shared.channels.sms_sns import address, inbound, lifecycle, outbound, webhook

    _webhook_module: WebhookModule[SnsSmsConfig] = webhook
    _supports_response: SupportsResponse[SnsSmsConfig] = webhook
    _supports_signature_lookup: SupportsSignatureLookup[SnsSmsConfig] = webhook
    _inbound_module: InboundModule = inbound
    _outbound_module: OutboundModule[SnsSmsConfig] = outbound
    _supports_connecting: SupportsConnecting[SnsSmsConfig] = lifecycle
    _supports_status: SupportsStatus[SnsSmsConfig] = lifecycle
    _supports_logout: SupportsLogout[SnsSmsConfig] = lifecycle
    _supports_removal: SupportsRemoval[SnsSmsConfig] = lifecycle
    _supports_probe: SupportsProbe[SnsSmsConfig] = lifecycle
    _address_module: AddressModule = address

channel = Channel(
    config=SnsSmsConfig,
    capabilities=Capabilities(
        text_limit=1600,
        receipts=frozenset({MessageStatus.SENT, MessageStatus.DELIVERED}),
        # Each text is paid for.
        in_one_piece=True,
        addressed_by="phone",
        pace=Pace(per_second=20),
    ),
    setup=Setup(
        title="SMS",
        help="Make an access key for a user of Amazon Web Services who may publish by SNS.",
        api_key="secret_access_key",
    ),
)
