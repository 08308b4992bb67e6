"""Recordings, which only the account may fetch."""

from __future__ import annotations

from dataclasses import replace

from shared.channel.media import Media
from shared.channelkit.twilio import fetch
from shared.channels.voice.config import VoiceConfig
from shared.deps import Deps
from shared.domain.instances import Instance
from shared.domain.messages import Attachment, Message
from shared.errors import NotFound


def fetch_media(deps: Deps, instance: Instance, config: VoiceConfig, message: Message, attachment: Attachment) -> Media:
    """Fetch a voicemail as MP3; raises `NotFound` for what is no recording of Twilio's."""
    sid = attachment.extra.get("recording_sid")
    if not isinstance(sid, str) or not sid.isalnum():
        raise NotFound("this file is not at Twilio")
    return replace(fetch(deps, config, f"{config.account_path}/Recordings/{sid}.mp3"), file_name="voicemail.mp3")
