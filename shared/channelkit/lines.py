"""What channels have in common that are reached over an open connection of each account: a line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from shared.errors import ProviderUnavailable

Position: TypeAlias = dict[str, Any]
"""Up to where updates were taken, as JSON; whoever listens next goes on from there."""


class SessionEnded(ProviderUnavailable):
    """The provider does not take the account's credentials any more; `reason` tells the tenant what to do."""


@dataclass(frozen=True, slots=True)
class Listener:
    """What a line tells. `on_update` gets one update as JSON and is called again when it raises.

    `on_end` is called once when the line ends by itself; with True, and what to
    tell the tenant, when the session is gone for good.
    """

    on_update: Callable[[Mapping[str, Any]], None]
    on_end: Callable[[bool, str], None]


class Line(Protocol):
    """An open connection of one account."""

    def position(self) -> Position | None:
        """Where to go on after what has been handed over; None while something is under way."""
        ...

    def close(self) -> None: ...
