"""The connections of accounts that this process holds, and how a message gets to the process that holds another one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from shared.channel.connection import WAKE, Listener, OpenConnection, Position, SessionEnded
from shared.channelkit import auth
from shared.channels.telegram_user.api import gateway, is_configured
from shared.channels.telegram_user.config import TelegramUserConfig
from shared.channels.telegram_user.gateway import PROVIDER, Line
from shared.deps import Deps
from shared.domain.events import RealtimeEvent, Topic
from shared.domain.instances import Instance

_lines: dict[tuple[str, str], Line] = {}


def connections(deps: Deps) -> TelegramConnections | None:
    """None without TELEGRAM_API_ID and TELEGRAM_API_HASH."""
    return TelegramConnections(deps) if is_configured(deps.settings) else None


class TelegramConnections:
    """People's accounts: messages are received and sent over their connections."""

    def __init__(self, deps: Deps) -> None:
        self._deps = deps
        self._gateway = gateway(deps.settings)

    def open(
        self, instance: Instance, credentials: Mapping[str, str], position: Position | None, listener: Listener
    ) -> OpenConnection:
        session = credentials.get("session")
        if not session:
            raise SessionEnded(PROVIDER, "the session is lost; log in again")
        return self._gateway.listen(session, position, listener)

    def is_relevant(self, instance: Instance, config: TelegramUserConfig, update: Mapping[str, Any]) -> bool:
        return config.groups is not False or not _is_of_group(update)

    def hold(self, instance_id: str, connection: OpenConnection) -> None:
        hold(self._deps, instance_id, cast("Line", connection))  # what `open` returned

    def drop(self, instance_id: str) -> None:
        drop(self._deps, instance_id)

    def close(self) -> None:
        self._gateway.close()


def _is_of_group(update: Mapping[str, Any]) -> bool:
    message = update.get("message") or update.get("edited")
    return isinstance(message, Mapping) and message["chat"]["type"] != "user"


def hold(deps: Deps, instance_id: str, line: Line) -> None:
    """Send for the instance over this connection from now on."""
    _lines[deps.owner, instance_id] = line


def drop(deps: Deps, instance_id: str) -> None:
    _lines.pop((deps.owner, instance_id), None)


def line_of(deps: Deps, instance_id: str) -> Line | None:
    """The account's connection, None where this process does not hold it."""
    return _lines.get((deps.owner, instance_id))


def is_held_elsewhere(deps: Deps, instance: Instance, conversation_id: str) -> bool:
    """Whether another process has to send for the instance; that process is told.

    While nobody holds the connection, nobody is told: its next holder looks for what waits.
    Nobody holds an account that is logged out; sending then fails here, and says why.
    """
    if line_of(deps, instance.id) is not None:
        return False
    login, _ = auth.read(deps, instance)
    if login.state is not auth.AuthState.CONNECTED:
        return False
    if login.lease_owner not in (None, deps.owner) and login.lease_expires_at > deps.now():
        # In every process that listens to `realtime`, and in no room that a client could join.
        room = f"line:{instance.id}"
        payload = {"instance_id": instance.id, "conversation_id": conversation_id}
        event = RealtimeEvent(tenant_id=instance.tenant_id, room=room, name=WAKE, payload=payload)
        deps.bus.publish(Topic.REALTIME, event, key=room)
    return True
