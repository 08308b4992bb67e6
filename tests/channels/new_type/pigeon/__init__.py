"""Letters by Pigeon Post: the toy channel of a new type that CONTRIBUTING's walk-through adds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.channel import Capabilities, Channel, Setup

from .config import PigeonConfig

if TYPE_CHECKING:
    from shared.channel.inbound import InboundModule
    from shared.channel.lifecycle import SupportsConnecting, SupportsProbe
    from shared.channel.outbound import OutboundModule
    from shared.channel.webhook import WebhookModule

    from . import inbound, lifecycle, outbound, webhook

    _webhook_module: WebhookModule[PigeonConfig] = webhook
    _inbound_module: InboundModule = inbound
    _outbound_module: OutboundModule[PigeonConfig] = outbound
    _supports_connecting: SupportsConnecting[PigeonConfig] = lifecycle
    _supports_probe: SupportsProbe[PigeonConfig] = lifecycle

channel = Channel(
    config=PigeonConfig,
    capabilities=Capabilities(text_limit=500),
    setup=Setup(title="Pigeon Post", help="Ask the keeper of the loft for its key.", api_key="loft_key"),
)
