"""WhatsApp through an Evolution API server, which keeps the socket and its keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.channel import MEGABYTE, Capabilities, Channel, Pace
from shared.channelkit import jid
from shared.channelkit.lazy import lazily
from shared.channels.whatsapp_evolution.config import EvolutionConfig, defaults
from shared.channels.whatsapp_evolution.inbound import accept, parse
from shared.channels.whatsapp_evolution.verification import verify
from shared.domain.instances import ChannelType
from shared.domain.kinds import MessageKind, MessageStatus

if TYPE_CHECKING:
    from shared.channels.whatsapp_evolution.ending import logout, remove
    from shared.channels.whatsapp_evolution.files import fetch_media
    from shared.channels.whatsapp_evolution.lifecycle import connect, status
    from shared.channels.whatsapp_evolution.outbound import send
    from shared.channels.whatsapp_evolution.pairing import pair, restart
    from shared.channels.whatsapp_evolution.probing import probe
else:
    logout = lazily("shared.channels.whatsapp_evolution.ending", "logout")
    remove = lazily("shared.channels.whatsapp_evolution.ending", "remove")
    fetch_media = lazily("shared.channels.whatsapp_evolution.files", "fetch_media")
    connect = lazily("shared.channels.whatsapp_evolution.lifecycle", "connect")
    status = lazily("shared.channels.whatsapp_evolution.lifecycle", "status")
    send = lazily("shared.channels.whatsapp_evolution.outbound", "send")
    pair = lazily("shared.channels.whatsapp_evolution.pairing", "pair")
    restart = lazily("shared.channels.whatsapp_evolution.pairing", "restart")
    probe = lazily("shared.channels.whatsapp_evolution.probing", "probe")

channel = Channel(
    name="whatsapp_evolution",
    channel_type=ChannelType.WHATSAPP,
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
        # Faster senders get their number banned.
        pace=Pace(per_second=1, burst=10),
    ),
    verify=verify,
    accept=accept,
    parse=parse,
    send=send,
    defaults=defaults,
    connect=connect,
    pair=pair,
    status=status,
    restart=restart,
    logout=logout,
    remove=remove,
    probe=probe,
    fetch_media=fetch_media,
    api_key="evolution_key",
    api_url="evolution_url",
    address=jid.canonical,
)
