"""The processes that hold accounts' connections, as something whose number can be set."""

from __future__ import annotations

from typing import Protocol


class Holders(Protocol):
    """All but `most` raise `StoreError` where the platform does not answer or refuses."""

    @property
    def most(self) -> int:
        """How many there may be."""
        ...

    def count(self) -> int:
        """How many the platform is to run at present."""
        ...

    def scale(self, count: int) -> None:
        """Have the platform run so many. One that is taken away is told to end, and gives its leases back."""
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...
