"""The connections of accounts that this process holds, and how a message gets to the process that holds another one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared.channel.connection import CAPACITY, Listener, OpenConnection, Position, SessionEnded
from shared.channelkit.held_lines import HeldLines, LineConnections
from shared.channels.telegram_user.api import gateway, is_configured
from shared.channels.telegram_user.config import TelegramUserConfig
from shared.channels.telegram_user.gateway import PROVIDER, Line
from shared.config import Settings
from shared.deps import Deps
from shared.domain.instances import Instance

_lines: HeldLines[Line] = HeldLines()
hold, drop, line_of, is_held_elsewhere = _lines.hold, _lines.drop, _lines.line_of, _lines.is_held_elsewhere


def capacity(settings: Settings) -> int:
    return CAPACITY


def connections(deps: Deps) -> TelegramConnections | None:
    """None without TELEGRAM_API_ID and TELEGRAM_API_HASH."""
    return TelegramConnections(deps) if is_configured(deps.settings) else None


class TelegramConnections(LineConnections[Line]):
    """People's accounts: messages are received and sent over their connections."""

    def __init__(self, deps: Deps) -> None:
        self._gateway = gateway(deps.settings)
        super().__init__(deps, _lines, self._gateway)

    def open(
        self,
        instance: Instance,
        credentials: Mapping[str, str],
        position: Position | None,
        listener: Listener,
        epoch: int,
    ) -> OpenConnection:
        session = credentials.get("session")
        if not session:
            raise SessionEnded(PROVIDER, "the session is lost; log in again")
        return self._gateway.listen(session, position, listener)

    def is_relevant(self, instance: Instance, config: TelegramUserConfig, update: Mapping[str, Any]) -> bool:
        return config.groups is not False or not _is_of_group(update)


def _is_of_group(update: Mapping[str, Any]) -> bool:
    message = update.get("message") or update.get("edited")
    return isinstance(message, Mapping) and message["chat"]["type"] != "user"
