"""That an answer is being written (https://docs.discord.com/developers/resources/channel#trigger-typing-indicator)."""

from __future__ import annotations

from functools import partial
from urllib.parse import quote

from shared.channels.discord.api import call, result
from shared.channels.discord.config import DiscordConfig
from shared.channels.discord.outbound import channel_of
from shared.deps import Deps
from shared.domain.instances import Instance
from shared.domain.outbox import OutboxPayload

_TIMEOUT = 5.0
_SHOWN_SECONDS = 9.0


def show_typing(deps: Deps, instance: Instance, config: DiscordConfig, payload: OutboxPayload) -> float:
    """Show it for about ten seconds. Who used a command sees that the bot thinks until they are answered."""
    if not payload.context.get("interaction"):
        api = partial(call, deps, instance, config, timeout=_TIMEOUT)
        result(api("POST", f"channels/{quote(channel_of(api, payload), safe='')}/typing"))
    return _SHOWN_SECONDS
