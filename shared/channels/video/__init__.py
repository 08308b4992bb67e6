"""Video calls in a browser by Twilio Video."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.channel import Capabilities, Channel, Setup
from shared.channels.video.config import VideoConfig

if TYPE_CHECKING:
    from shared.channel.inbound import InboundModule
    from shared.channel.lifecycle import SupportsConnecting, SupportsProbe, SupportsStatus
    from shared.channel.opening import OpeningModule
    from shared.channel.outbound import OutboundModule
    from shared.channel.rooms import RoomsModule
    from shared.channel.webhook import SupportsResponse, WebhookModule
    from shared.channels.video import inbound, lifecycle, opening, outbound, rooms, webhook

    _webhook_module: WebhookModule[VideoConfig] = webhook
    _supports_response: SupportsResponse[VideoConfig] = webhook
    _inbound_module: InboundModule = inbound
    _outbound_module: OutboundModule[VideoConfig] = outbound
    _opening_module: OpeningModule[VideoConfig] = opening
    _supports_connecting: SupportsConnecting[VideoConfig] = lifecycle
    _supports_status: SupportsStatus[VideoConfig] = lifecycle
    _supports_probe: SupportsProbe[VideoConfig] = lifecycle
    _rooms_module: RoomsModule[VideoConfig] = rooms

channel = Channel(
    config=VideoConfig,
    capabilities=Capabilities(text_limit=10_000, live=True, addressed_by="customer"),
    setup=Setup(
        title="Video",
        help="Account SID and auth token are on the first page of https://console.twilio.com.",
        api_key="auth_token",
        provider="twilio",
    ),
)
