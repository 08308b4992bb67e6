"""The hub's own chat for web pages; its visitors call `/widget/<instance>`, no provider stands between."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.channel import Capabilities, Channel, Setup
from shared.channels.widget.config import TEXT_LIMIT, WidgetConfig
from shared.domain.messages import FILES

if TYPE_CHECKING:
    from shared.channel.changes import SupportsDeletions, SupportsEdits
    from shared.channel.inbound import InboundModule
    from shared.channel.lifecycle import SupportsConnecting
    from shared.channel.outbound import OutboundModule
    from shared.channel.presence import SupportsTyping
    from shared.channel.webhook import WebhookModule
    from shared.channels.widget import changes, inbound, lifecycle, outbound, presence, webhook

    _webhook_module: WebhookModule[WidgetConfig] = webhook
    _inbound_module: InboundModule = inbound
    _supports_edits: SupportsEdits[WidgetConfig] = changes
    _supports_deletions: SupportsDeletions[WidgetConfig] = changes
    _outbound_module: OutboundModule[WidgetConfig] = outbound
    _supports_connecting: SupportsConnecting[WidgetConfig] = lifecycle
    _supports_typing: SupportsTyping[WidgetConfig] = presence

channel = Channel(
    config=WidgetConfig,
    capabilities=Capabilities(
        text_limit=TEXT_LIMIT, attachments=dict.fromkeys(FILES), uploads=True, typing=True, edits=True, deletions=True
    ),
    setup=Setup(
        title="Web Chat",
        help="Nothing is needed from elsewhere: the chat is put into a page by one line of HTML.",
        generated=frozenset({"visitor_secret"}),
    ),
    has_webhook=False,
)
