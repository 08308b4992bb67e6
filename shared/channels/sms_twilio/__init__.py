"""Text messages by Twilio; `config.provider` says by whom, so that there may be others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.channel import MEGABYTE, Capabilities, Channel, Pace
from shared.channelkit.lazy import lazily
from shared.channelkit.twilio_webhooks import number_key
from shared.channels.sms_twilio.config import SmsConfig
from shared.channels.sms_twilio.inbound import accept, answer, parse, verify
from shared.domain.instances import ChannelType
from shared.domain.messages import MessageKind, MessageStatus

if TYPE_CHECKING:
    from shared.channels.sms_twilio.files import fetch_media
    from shared.channels.sms_twilio.lifecycle import connect, logout, probe, remove, status
    from shared.channels.sms_twilio.outbound import send
else:
    fetch_media = lazily("shared.channels.sms_twilio.files", "fetch_media")
    connect = lazily("shared.channels.sms_twilio.lifecycle", "connect")
    logout = lazily("shared.channels.sms_twilio.lifecycle", "logout")
    probe = lazily("shared.channels.sms_twilio.lifecycle", "probe")
    remove = lazily("shared.channels.sms_twilio.lifecycle", "remove")
    status = lazily("shared.channels.sms_twilio.lifecycle", "status")
    send = lazily("shared.channels.sms_twilio.outbound", "send")

channel = Channel(
    name="sms_twilio",
    channel_type=ChannelType.SMS,
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
    verify=verify,
    accept=accept,
    parse=parse,
    send=send,
    answer=answer,
    connect=connect,
    status=status,
    logout=logout,
    remove=remove,
    probe=probe,
    fetch_media=fetch_media,
    api_key="auth_token",
    address=number_key,
)
