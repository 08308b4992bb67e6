"""The files of an MMS, which only the account may fetch."""

from __future__ import annotations

from shared.channel.media import Media
from shared.channelkit.twilio import fetch
from shared.channels.sms_twilio.config import SmsConfig
from shared.deps import Deps
from shared.domain.instances import Instance
from shared.domain.messages import Attachment, Message
from shared.errors import NotFound


def fetch_media(deps: Deps, instance: Instance, config: SmsConfig, message: Message, attachment: Attachment) -> Media:
    """Fetch one file; raises `NotFound` for what carries no ids of Twilio's."""
    sid, media = attachment.extra.get("message_sid"), attachment.extra.get("media_sid")
    if not isinstance(sid, str) or not isinstance(media, str):
        raise NotFound("this file is not at Twilio")
    return fetch(deps, config, f"{config.account_path}/Messages/{sid}/Media/{media}")
