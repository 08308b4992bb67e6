"""Text messages through Amazon: SNS sends them, two-way SMS brings the answers over a topic."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.channel import Capabilities, Channel, Pace
from shared.channelkit import sns_topics
from shared.channelkit.lazy import lazily
from shared.channels.sms_sns.config import SnsSmsConfig
from shared.channels.sms_sns.inbound import accept, number, parse
from shared.domain.instances import ChannelType
from shared.domain.messages import MessageStatus

if TYPE_CHECKING:
    from shared.channels.sms_sns.lifecycle import connect, logout, probe, remove, status
    from shared.channels.sms_sns.outbound import send
else:
    connect = lazily("shared.channels.sms_sns.lifecycle", "connect")
    logout = lazily("shared.channels.sms_sns.lifecycle", "logout")
    probe = lazily("shared.channels.sms_sns.lifecycle", "probe")
    remove = lazily("shared.channels.sms_sns.lifecycle", "remove")
    status = lazily("shared.channels.sms_sns.lifecycle", "status")
    send = lazily("shared.channels.sms_sns.outbound", "send")

channel = Channel(
    name="sms_sns",
    channel_type=ChannelType.SMS,
    config=SnsSmsConfig,
    capabilities=Capabilities(
        text_limit=1600,
        receipts=frozenset({MessageStatus.SENT, MessageStatus.DELIVERED}),
        # Each text is paid for.
        in_one_piece=True,
        addressed_by="phone",
        pace=Pace(per_second=20),
    ),
    verify=sns_topics.verify,
    vouch=sns_topics.vouch,
    accept=accept,
    answer=sns_topics.answer,
    parse=parse,
    send=send,
    connect=connect,
    status=status,
    logout=logout,
    remove=remove,
    probe=probe,
    api_key="secret_access_key",
    address=number,
)
