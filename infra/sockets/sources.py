"""The channels whose accounts are held by a line each: how it is opened, and what comes over it counts."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Protocol, cast

from pydantic import SecretStr

from shared.channelkit.lines import Line, Listener, SessionEnded
from shared.channels.discord import channel as discord
from shared.channels.discord import gateway as discord_gateway
from shared.channels.discord.config import DiscordConfig
from shared.channels.telegram_user import gateway as telegram
from shared.channels.telegram_user import lines
from shared.channels.telegram_user.config import TelegramUserConfig
from shared.deps import Deps
from shared.domain.instances import Instance
from shared.errors import ProviderUnavailable
from shared.usecases.instances import instance_config
from shared.usecases.instances.session_leases import Lease


class Source(Protocol):
    """A channel with lines. `adapter` is its name."""

    adapter: str

    def open(self, instance: Instance, lease: Lease, listener: Listener) -> Line:
        """Raises `SessionEnded`, with what to tell the tenant, or `ProviderUnavailable`."""
        ...

    def wants(self, instance: Instance, update: Mapping[str, Any]) -> bool:
        """Whether an update is published at all; raises `PayloadInvalid`."""
        ...

    def hold(self, instance_id: str, line: Line) -> None:
        """The instance's line counts from now on."""
        ...

    def let_go(self, instance_id: str) -> None:
        """The instance's line is about to be closed."""
        ...

    def close(self) -> None: ...


class TelegramAccounts:
    """People's accounts, which are also sent over; needs the settings that say how Telegram is reached."""

    adapter = telegram.PROVIDER

    def __init__(self, deps: Deps) -> None:
        self._deps = deps
        self._gateway = telegram.gateway(deps.settings)

    def open(self, instance: Instance, lease: Lease, listener: Listener) -> Line:
        session = self._deps.secrets.read(lease.secret).get("session")
        if not session:
            raise SessionEnded(self.adapter, "the session is lost; log in again")
        return self._gateway.listen(session, lease.position, listener)

    def wants(self, instance: Instance, update: Mapping[str, Any]) -> bool:
        config = instance_config.load_config(self._deps, instance)
        return not isinstance(config, TelegramUserConfig) or config.groups or not _is_of_group(update)

    def hold(self, instance_id: str, line: Line) -> None:
        lines.hold(self._deps, instance_id, cast("telegram.Line", line))  # what `open` gave

    def let_go(self, instance_id: str) -> None:
        lines.drop(self._deps, instance_id)

    def close(self) -> None:
        self._gateway.close()


def _is_of_group(update: Mapping[str, Any]) -> bool:
    message = update.get("message") or update.get("edited")
    return isinstance(message, Mapping) and message["chat"]["type"] != "user"


class DiscordBots:
    """Bots that listen over the gateway; sending is REST, which needs no line."""

    adapter = discord.name

    def __init__(self, deps: Deps, unit: float = 1.0) -> None:
        """`unit` is the least pause between two connections, in seconds."""
        # Its library is not needed where no container runs.
        from shared.channels.discord.gateway_line import DiscordGateway  # noqa: PLC0415 - as above

        self._deps = deps
        self._unit = unit
        self._gateway = DiscordGateway()

    def open(self, instance: Instance, lease: Lease, listener: Listener) -> Line:
        from shared.channels.discord.gateway_line import Bot  # noqa: PLC0415 - as above

        known = self._deps.secrets.read(lease.secret)
        if not known.get("session"):
            raise SessionEnded(self.adapter, "the bot's token is lost; connect the channel again")
        if instance.external_id != known.get("application"):
            # Connecting has not come to its end yet, or found that the bot belongs to another channel.
            raise ProviderUnavailable(self.adapter, "the bot is not this channel's", retry_after=5.0)
        config = DiscordConfig(bot_token=SecretStr(known["session"]))
        bot = Bot(
            token=known["session"],
            address=partial(discord_gateway.address, self._deps, instance, config),
            encrypted=self._deps.settings.discord_api_url.startswith("https://"),
            unit=self._unit,
        )
        return self._gateway.listen(bot, lease.position, listener)

    def wants(self, instance: Instance, update: Mapping[str, Any]) -> bool:
        """Most of what is said in a server is not said to the bot."""
        return bool(discord.parse(update))

    def hold(self, instance_id: str, line: Line) -> None:
        """What is sent does not go over the line."""

    def let_go(self, instance_id: str) -> None:
        """Nobody else knows of the line."""

    def close(self) -> None:
        self._gateway.close()


def sources_for(deps: Deps) -> list[Source]:
    """Discord's bots; people's Telegram accounts where the settings say how Telegram is reached."""
    bots: list[Source] = [DiscordBots(deps)]
    return [TelegramAccounts(deps), *bots] if telegram.is_configured(deps.settings) else bots
