"""Discord's calls: whether they are Discord's, what they hold, and what Discord wants to hear within three seconds."""

from __future__ import annotations

from typing import Any

from shared.channels.discord.interactions import interaction
from shared.channels.discord.messages import dispatched
from shared.domain.inbound import ChannelEvent
from shared.errors import PayloadInvalid


def parse(payload: Any) -> list[ChannelEvent]:
    """The payload's events."""
    if not isinstance(payload, dict):
        raise PayloadInvalid("discord: the payload is not an object")
    return dispatched(payload) if "t" in payload else interaction(payload)
