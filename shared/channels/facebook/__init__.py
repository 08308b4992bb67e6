"""Facebook pages over the Messenger platform."""

from __future__ import annotations

from shared.channel import Channel
from shared.channels.facebook.config import FacebookConfig
from shared.channels.facebook.inbound import accept, challenge, parse, verify
from shared.channels.facebook.lifecycle import connect, logout, probe, remove, status
from shared.channels.facebook.outbound import send
from shared.domain.instances import ChannelType

channel = Channel(
    name="facebook",
    channel_type=ChannelType.FACEBOOK,
    config=FacebookConfig,
    text_limit=2000,
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
    api_key="page_access_token",
)
