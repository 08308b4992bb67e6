"""`connection.py` of a channel: accounts that are reached over an open connection of each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, runtime_checkable

from shared.channel.config import Config
from shared.errors import ProviderUnavailable

if TYPE_CHECKING:
    from shared.config import Settings
    from shared.deps import Deps
    from shared.domain.instances import Instance

Position: TypeAlias = dict[str, Any]
"""Up to where updates were taken, as JSON; the next connection goes on from there."""

WAKE = "outbound-wake"
"""The realtime event that tells the process with the connection that a conversation has something to send."""

TYPING = "outbound-typing"
"""The realtime event that tells that process to show a customer that somebody writes."""

RESTART = "session-restart"
"""The realtime event that tells that process to close the connection and have it opened again."""

LOOK = "sessions-look"
"""The realtime event that has the processes which hold connections look at once for sessions that began or ended."""


class SessionEnded(ProviderUnavailable):
    """The provider does not take the account's credentials any more; `reason` tells the tenant what to do."""


@dataclass(frozen=True, slots=True)
class Listener:
    """What a connection reports. `on_update` gets one update as JSON and is called again when it raises.

    `on_end` is called once when the connection ends by itself; with True, and what to
    tell the tenant, when the session is over for good. `on_paired` is called when the code of an account that was
    waiting for it has been scanned, and the connection is up; it returns when that is noted.
    """

    on_update: Callable[[Mapping[str, Any]], None]
    on_end: Callable[[bool, str], None]
    on_paired: Callable[[], None] = lambda: None


class OpenConnection(Protocol):
    """An open connection of one account."""

    def position(self) -> Position | None:
        """Where to go on after what has been handed over; None while something is under way."""
        ...

    def close(self) -> None: ...


@runtime_checkable
class SupportsLeaving(Protocol):
    """A connection without which its session cannot be ended at the provider."""

    def leave(self) -> None:
        """End the session at the provider and destroy what is left of it; raises `ProviderUnavailable`."""
        ...


class Connections(Protocol[Config]):
    """The connections that one process holds of a channel's accounts."""

    def open(
        self,
        instance: Instance,
        credentials: Mapping[str, str],
        position: Position | None,
        listener: Listener,
        epoch: int,
    ) -> OpenConnection:
        """Open an account's connection; raises `SessionEnded`, which tells the tenant why, or `ProviderUnavailable`.

        `epoch` is higher than that of every holder before this one.
        """
        ...

    def is_relevant(self, instance: Instance, config: Config, update: Mapping[str, Any]) -> bool:
        """Whether an update is published at all; raises `PayloadInvalid`."""
        ...

    def hold(self, instance_id: str, connection: OpenConnection) -> None:
        """Send over this connection from now on."""
        ...

    def drop(self, instance_id: str) -> None:
        """The account's connection is about to be closed."""
        ...

    def close(self) -> None: ...


CAPACITY = 200
"""Accounts of a channel that one process holds, where the channel says nothing else."""


class ConnectionModule(Protocol[Config]):
    """Channels with such connections; what comes over one goes through `accept` and `parse` as a webhook would."""

    def capacity(self, settings: Settings) -> int:
        """How many accounts of this channel one process holds at most."""
        ...

    def connections(self, deps: Deps) -> Connections[Config] | None:
        """None where the settings do not say how the provider is reached."""
        ...


class SupportsHolders(Protocol):
    """Channels that send over the connection, which another process may hold."""

    def is_held_elsewhere(self, deps: Deps, instance: Instance, conversation_id: str) -> bool:
        """Whether another process has to send, which is then told. Asked before an outbox item is claimed."""
        ...
