"""The half of the channel that needs a socket: ordinary messages come over Discord's gateway alone.

A container that never sleeps keeps the connection; what it is told goes the way
of every webhook, and `parse` knows it. Replies are sent by REST like all others.
https://docs.discord.com/developers/events/gateway
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared.channels.discord.api import PROVIDER, call, result
from shared.channels.discord.config import DiscordConfig
from shared.deps import Deps
from shared.domain.instances import Instance
from shared.errors import ProviderRejected, ProviderUnavailable

INTENTS = 1 << 9 | 1 << 10 | 1 << 12 | 1 << 13 | 1 << 14 | 1 << 15
"""Messages and reactions in servers and in direct messages, who writes a direct message, and the messages' text (which
Discord must have allowed).
"""

DISPATCHES = frozenset(
    {
        "MESSAGE_CREATE",
        "MESSAGE_UPDATE",
        "MESSAGE_DELETE",
        "MESSAGE_DELETE_BULK",
        "MESSAGE_REACTION_ADD",
        "MESSAGE_REACTION_REMOVE",
        "TYPING_START",
    }
)
"""The dispatches that `parse` knows; interactions go to the endpoint that was registered for them."""

RESERVE = 5
"""Sessions of a day that are never begun: at the last one Discord resets the bot's token."""


def address(deps: Deps, instance: Instance, config: DiscordConfig) -> str:
    """Where to begin a session; asked for each, for the answer tells how many may still be begun today.

    Raises a `ProviderError`, `ProviderUnavailable` when it is too few.
    """
    reply = call(deps, instance, config, "GET", "gateway/bot")
    try:
        body = result(reply)
    except ProviderRejected as refused:
        if reply.answer.status == 401:
            raise
        # Such as a lock-out of the address we share with others.
        raise ProviderUnavailable(PROVIDER, refused.reason) from None
    url, limit = body.get("url"), body.get("session_start_limit")
    if not isinstance(url, str):
        raise ProviderRejected(PROVIDER, "gateway/bot gives no address; check DISCORD_API_URL")
    remaining = limit.get("remaining") if isinstance(limit, dict) else None
    if isinstance(remaining, int) and remaining <= RESERVE:
        raise ProviderUnavailable(PROVIDER, "the bot has begun all the gateway sessions that a day allows")
    return url


def update(bot_id: str, name: str, data: Mapping[str, Any]) -> dict[str, Any] | None:
    """A dispatch in the form that `accept` takes it in; None for one that means nothing here.

    `bot_id` is the bot's own user id, from READY: its own messages are no news.
    """
    return {"t": name, "bot_id": bot_id, "d": dict(data)} if name in DISPATCHES else None
