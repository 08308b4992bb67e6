"""The connections over which this process sends, and how a message gets to the process that holds another one."""

from __future__ import annotations

from typing import Generic, Protocol, TypeVar, cast

from shared.channel.connection import LOOK, TYPING, WAKE, OpenConnection
from shared.channelkit import auth
from shared.deps import Deps
from shared.domain.events import RealtimeEvent, Topic
from shared.domain.instances import Instance

Line = TypeVar("Line")


class HeldLines(Generic[Line]):
    """The lines of one channel's accounts, by the process that holds them: tests have several in one."""

    def __init__(self) -> None:
        self._lines: dict[tuple[str, str], Line] = {}

    def hold(self, deps: Deps, instance_id: str, line: Line) -> None:
        """Send for the instance over this connection from now on."""
        self._lines[deps.owner, instance_id] = line

    def drop(self, deps: Deps, instance_id: str) -> None:
        self._lines.pop((deps.owner, instance_id), None)

    def line_of(self, deps: Deps, instance_id: str) -> Line | None:
        """The account's connection, None where this process does not hold it."""
        return self._lines.get((deps.owner, instance_id))

    def is_held_elsewhere(self, deps: Deps, instance: Instance, conversation_id: str) -> bool:
        """Whether another process has to send for the instance; that process is told.

        While nobody holds the connection, nobody is told: its next holder looks for what waits.
        Nobody holds an account that is logged out; sending then fails here, and says why.
        """
        if self.line_of(deps, instance.id) is not None:
            return False
        login, _ = auth.read(deps, instance)
        if login.state is not auth.AuthState.CONNECTED:
            return False
        if login.lease_owner not in (None, deps.owner) and login.lease_expires_at > deps.now():
            tell_holders(deps, instance.tenant_id, instance.id, WAKE, conversation_id=conversation_id)
        return True

    def have_typing_shown(self, deps: Deps, instance: Instance, conversation_id: str) -> None:
        """Have the process that holds the connection show a customer that somebody writes."""
        tell_holders(deps, instance.tenant_id, instance.id, TYPING, conversation_id=conversation_id)


def tell_holders(deps: Deps, tenant_id: str, instance_id: str, name: str, **payload: str) -> None:
    """Tell every process that listens to `realtime`, in a room that no client can join."""
    room = f"line:{instance_id}"
    event = RealtimeEvent(tenant_id=tenant_id, room=room, name=name, payload={"instance_id": instance_id} | payload)
    deps.bus.publish(Topic.REALTIME, event, key=room)


def have_holders_look(deps: Deps, tenant_id: str, instance_id: str) -> None:
    """Have all processes that hold connections look at once for sessions that began or ended, or that are free."""
    tell_holders(deps, tenant_id, instance_id, LOOK)


class Closable(Protocol):
    """The way to a provider that the lines of one process share."""

    def close(self) -> None: ...


class LineConnections(Generic[Line]):
    """The part of `channel.connection.Connections` that is the same for channels that send over their lines."""

    def __init__(self, deps: Deps, lines: HeldLines[Line], way: Closable) -> None:
        self._deps = deps
        self._lines = lines
        self._way = way

    def hold(self, instance_id: str, connection: OpenConnection) -> None:
        self._lines.hold(self._deps, instance_id, cast("Line", connection))  # what `open` returned

    def drop(self, instance_id: str) -> None:
        self._lines.drop(self._deps, instance_id)

    def close(self) -> None:
        self._way.close()
