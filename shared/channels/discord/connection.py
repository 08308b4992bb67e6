"""Bots that listen over Discord's gateway; messages are sent by REST, which needs no connection."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from pydantic import SecretStr

from shared.channel.connection import CAPACITY, Listener, OpenConnection, Position, SessionEnded
from shared.channels.discord import gateway
from shared.channels.discord.api import PROVIDER
from shared.channels.discord.config import DiscordConfig, DiscordSettings
from shared.channels.discord.gateway_line import Bot, DiscordGateway
from shared.channels.discord.inbound import parse
from shared.config import Settings
from shared.deps import Deps
from shared.domain.instances import Instance
from shared.errors import ProviderUnavailable


def capacity(settings: Settings) -> int:
    return CAPACITY


def connections(deps: Deps) -> DiscordConnections:
    return DiscordConnections(deps)


class DiscordConnections:
    """`unit` is the least pause between two connections, in seconds."""

    def __init__(self, deps: Deps, unit: float = 1.0) -> None:
        self._deps = deps
        self._unit = unit
        self._gateway = DiscordGateway()

    def open(
        self,
        instance: Instance,
        credentials: Mapping[str, str],
        position: Position | None,
        listener: Listener,
        epoch: int,
    ) -> OpenConnection:
        token = credentials.get("session")
        if not token:
            raise SessionEnded(PROVIDER, "the bot's token is lost; connect the channel again")
        if instance.external_id != credentials.get("application"):
            # Connecting has not come to its end yet, or found that the bot belongs to another channel.
            raise ProviderUnavailable(PROVIDER, "the bot is not this channel's", retry_after=5.0)
        config = DiscordConfig(bot_token=SecretStr(token))
        bot = Bot(
            token=token,
            address=partial(gateway.address, self._deps, instance, config),
            encrypted=self._deps.settings.of(DiscordSettings).discord_api_url.startswith("https://"),
            unit=self._unit,
        )
        return self._gateway.listen(bot, position, listener)

    def is_relevant(self, instance: Instance, config: DiscordConfig, update: Mapping[str, Any]) -> bool:
        """Most of what is written in a server is not meant for the bot."""
        return bool(parse(update))

    def hold(self, instance_id: str, connection: OpenConnection) -> None:
        """Messages are not sent over the connection."""

    def drop(self, instance_id: str) -> None:
        """Nobody else uses the connection."""

    def close(self) -> None:
        self._gateway.close()
