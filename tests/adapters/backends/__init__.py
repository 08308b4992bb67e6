"""What a backend offers to the contract tests: one module per backend, of the shape `Backend`.

Every `open_*` gives something empty that nobody else sees (a fresh directory, a
fresh project id), closes it at the end, and may be entered several times in one
test. A backend starts its emulator or server once per process, on a free port.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from shared.ports.bus import Bus
from shared.ports.search import Search
from shared.ports.secrets import Secrets
from shared.ports.store import Store


@dataclass(frozen=True, slots=True)
class BusUnderTest:
    """A bus with a short first pause (0.1 s at most) between attempts, and what a test must know about it.

    `where` is all that `Backend.connect_bus` needs, in this or in another process,
    to make one more bus over the same durable state. Topics and subscriptions
    exist from the beginning, so that what is published before `consume` is kept.
    """

    bus: Bus
    where: str
    max_attempts: int


class Backend(Protocol):
    """The functions of a module `tests.adapters.backends.<name>`."""

    def available(self) -> str | None:
        """Return why this backend cannot run here, or None when it can."""
        ...

    def open_store(self) -> AbstractContextManager[Store]:
        """An empty store, used by up to 8 threads at once."""
        ...

    def open_bus(self) -> AbstractContextManager[BusUnderTest]:
        """An empty bus that nothing consumes yet; between 3 and 6 attempts."""
        ...

    def connect_bus(self, where: str) -> Bus:
        """One more bus over the state that `where` names; its caller closes it."""
        ...

    def open_search(self) -> AbstractContextManager[tuple[Store, Search]]:
        """An empty store, and the index of what is written to it."""
        ...

    def open_secrets(self) -> AbstractContextManager[Secrets]:
        """Secrets, none there yet."""
        ...
