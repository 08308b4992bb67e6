"""The half of the channel that needs a socket: ordinary messages come over Discord's gateway alone.

A container that never sleeps keeps the connection; what it is told goes the way
of every webhook, and `parse` knows it. Replies are sent by REST like all others.
https://docs.discord.com/developers/events/gateway
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from shared.channels.discord.config import DiscordConfig
from shared.channels.discord.rest import PROVIDER, call, result
from shared.deps import Deps
from shared.domain.instances import Instance
from shared.errors import ProviderRejected

INTENTS = 1 << 9 | 1 << 10 | 1 << 12 | 1 << 13 | 1 << 15
"""Messages and reactions in servers and in direct messages, and their text (which Discord must have allowed)."""

DISPATCHES = frozenset(
    {
        "MESSAGE_CREATE",
        "MESSAGE_UPDATE",
        "MESSAGE_DELETE",
        "MESSAGE_DELETE_BULK",
        "MESSAGE_REACTION_ADD",
        "MESSAGE_REACTION_REMOVE",
    }
)
"""The dispatches that `parse` knows; interactions go to the endpoint that was registered for them."""

Take = Callable[[str, Mapping[str, Any]], None]


class Gateway(Protocol):
    """One connection, which identifies, beats, and resumes after a break."""

    def run(self, url: str, token: str, intents: int, take: Take) -> None:
        """Serve until `close`; hand every dispatch's name and data to `take`, in order.

        A dispatch counts as received (its sequence number is resumed from) only
        once `take` has returned. Raises `ProviderRejected` for what trying again
        cannot help: a token or intents that are not accepted.
        """

    def close(self) -> None:
        """End `run`, from any thread."""


def address(deps: Deps, instance: Instance, config: DiscordConfig) -> str:
    """Where to connect; raises a `ProviderError`, `ProviderRejected` when no session may be begun today any more.

    Above 1000 begun in a day Discord resets the token.
    """
    found = result(call(deps, instance, config, "GET", "gateway/bot"))
    url, limit = found.get("url"), found.get("session_start_limit")
    if not isinstance(url, str):
        raise ProviderRejected(PROVIDER, "gateway/bot gives no address; check DISCORD_API_URL")
    if isinstance(limit, dict) and limit.get("remaining") == 0:
        raise ProviderRejected(PROVIDER, "the bot has begun all the gateway sessions that a day allows")
    return url


def update(bot_id: str, name: str, data: Mapping[str, Any]) -> dict[str, Any] | None:
    """A dispatch in the form that `accept` takes it in; None for one that means nothing here.

    `bot_id` is the bot's own user id, from READY: its own messages are no news.
    """
    return {"t": name, "bot_id": bot_id, "d": dict(data)} if name in DISPATCHES else None
