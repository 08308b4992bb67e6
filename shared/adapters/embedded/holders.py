"""The one process that an embedded hub consists of."""

from __future__ import annotations


class OneHolder:
    """There is nothing to set: this process holds what it can."""

    @property
    def most(self) -> int:
        return 1

    def count(self) -> int:
        return 1

    def scale(self, count: int) -> None:
        """There are no others to start or to end."""

    def close(self) -> None:
        """There is nothing to let go of."""
