"""Telegram accounts of people, over MTProto; the always-on container holds their connections."""

from __future__ import annotations

from shared.channel import Capabilities, Channel
from shared.channels.telegram_user.addresses import canonical
from shared.channels.telegram_user.config import TelegramUserConfig
from shared.channels.telegram_user.inbound import accept, parse, verify
from shared.channels.telegram_user.lifecycle import logout, remove, status
from shared.channels.telegram_user.lines import elsewhere
from shared.channels.telegram_user.outbound import TEXT_LIMIT, send
from shared.domain.instances import ChannelType
from shared.domain.messages import FILES, MessageKind

channel = Channel(
    name="telegram_user",
    channel_type=ChannelType.TELEGRAM_USER,
    config=TelegramUserConfig,
    capabilities=Capabilities(
        text_limit=TEXT_LIMIT,
        markup="telegram",
        attachments=dict.fromkeys([*FILES, MessageKind.LOCATION]),
        reactions=True,
    ),
    verify=verify,
    accept=accept,
    parse=parse,
    send=send,
    connect=status,
    status=status,
    logout=logout,
    remove=remove,
    address=canonical,
    elsewhere=elsewhere,
    own_door=True,
    runtime="socket",
)
