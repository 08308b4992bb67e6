"""WhatsApp by Meta's own Cloud API."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from shared.channel import MEGABYTE, Capabilities, Channel, Pace
from shared.channelkit.lazy import lazily
from shared.channels.whatsapp_cloud.addresses import canonical
from shared.channels.whatsapp_cloud.config import CloudConfig
from shared.channels.whatsapp_cloud.files import fetch_media
from shared.channels.whatsapp_cloud.inbound import accept, challenge, parse, verify
from shared.channels.whatsapp_cloud.lifecycle import connect, logout, probe, remove, status
from shared.domain.instances import ChannelType
from shared.domain.messages import MessageKind, MessageStatus

if TYPE_CHECKING:
    from shared.channels.whatsapp_cloud.outbound import send
else:
    send = lazily("shared.channels.whatsapp_cloud.outbound", "send")

channel = Channel(
    name="whatsapp_cloud",
    channel_type=ChannelType.WHATSAPP,
    config=CloudConfig,
    capabilities=Capabilities(
        text_limit=4096,
        markup="whatsapp",
        # https://developers.facebook.com/docs/whatsapp/cloud-api/reference/media#supported-media-types
        attachments={
            MessageKind.IMAGE: 5 * MEGABYTE,
            MessageKind.VIDEO: 16 * MEGABYTE,
            MessageKind.AUDIO: 16 * MEGABYTE,
            MessageKind.DOCUMENT: 100 * MEGABYTE,
            MessageKind.STICKER: 500 * 1024,
            MessageKind.LOCATION: None,
        },
        receipts=frozenset({MessageStatus.SENT, MessageStatus.DELIVERED, MessageStatus.READ}),
        reactions=True,
        window=timedelta(hours=24),
        # Who came by an advertisement may be written to for three days.
        longest_window=timedelta(hours=72),
        templates=True,
        choices=True,
        addressed_by="phone",
        pace=Pace(per_second=80, chat_seconds=6, chat_burst=45),
    ),
    verify=verify,
    accept=accept,
    parse=parse,
    send=send,
    challenge=challenge,
    connect=connect,
    status=status,
    logout=logout,
    remove=remove,
    probe=probe,
    fetch_media=fetch_media,
    api_key="access_token",
    address=canonical,
)
