"""E-mail through Amazon SES, which tells of mails over SNS and keeps them in S3."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.channel import MEGABYTE, Capabilities, Channel, Pace
from shared.channelkit import sns_topics
from shared.channelkit.lazy import lazily
from shared.channels.email_ses.config import EmailConfig
from shared.channels.email_ses.files import complete, fetch_media
from shared.channels.email_ses.inbound import accept, parse
from shared.channels.email_ses.lifecycle import connect, logout, probe, remove, status
from shared.domain.instances import ChannelType
from shared.domain.messages import FILES, MessageStatus

if TYPE_CHECKING:
    from shared.channels.email_ses.outbound import send
else:
    send = lazily("shared.channels.email_ses.outbound", "send")

channel = Channel(
    name="email_ses",
    channel_type=ChannelType.EMAIL,
    config=EmailConfig,
    capabilities=Capabilities(
        text_limit=100_000,
        markup="html",
        attachments=dict.fromkeys(FILES, 25 * MEGABYTE),
        receipts=frozenset({MessageStatus.DELIVERED, MessageStatus.READ}),
        threads=True,
        in_one_piece=True,
        addressed_by="email",
        pace=Pace(per_second=14),
    ),
    verify=sns_topics.verify,
    vouch=sns_topics.vouch,
    accept=accept,
    complete=complete,
    answer=sns_topics.answer,
    parse=parse,
    send=send,
    connect=connect,
    status=status,
    logout=logout,
    remove=remove,
    probe=probe,
    fetch_media=fetch_media,
    api_key="secret_access_key",
    address=lambda given: given.strip().lower(),
)
