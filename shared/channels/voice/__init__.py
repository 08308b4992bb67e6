"""Telephone calls by Twilio."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.channel import Capabilities, Channel
from shared.channelkit.lazy import lazily
from shared.channelkit.twilio_webhooks import number_key, verify
from shared.channels.voice.config import VoiceConfig
from shared.channels.voice.inbound import accept, parse
from shared.domain.instances import ChannelType
from shared.domain.messages import MessageStatus

if TYPE_CHECKING:
    from shared.channels.voice.answering import answer
    from shared.channels.voice.files import fetch_media
    from shared.channels.voice.lifecycle import connect, logout, probe, remove, status
    from shared.channels.voice.outbound import opening, send
else:
    answer = lazily("shared.channels.voice.answering", "answer")
    fetch_media = lazily("shared.channels.voice.files", "fetch_media")
    connect = lazily("shared.channels.voice.lifecycle", "connect")
    logout = lazily("shared.channels.voice.lifecycle", "logout")
    probe = lazily("shared.channels.voice.lifecycle", "probe")
    remove = lazily("shared.channels.voice.lifecycle", "remove")
    status = lazily("shared.channels.voice.lifecycle", "status")
    opening = lazily("shared.channels.voice.outbound", "opening")
    send = lazily("shared.channels.voice.outbound", "send")

channel = Channel(
    name="voice",
    channel_type=ChannelType.VOICE,
    config=VoiceConfig,
    capabilities=Capabilities(
        text_limit=2500,
        receipts=frozenset({MessageStatus.DELIVERED}),
        live=True,
        in_one_piece=True,
        addressed_by="phone",
    ),
    verify=verify,
    accept=accept,
    parse=parse,
    send=send,
    answer=answer,
    opening=opening,
    connect=connect,
    status=status,
    logout=logout,
    remove=remove,
    probe=probe,
    fetch_media=fetch_media,
    api_key="auth_token",
    address=number_key,
)
