"""The machine of a hub that runs on one: what its disk holds, and what waits there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from shared.domain.events import Topic

COUNTED = 10_000
"""How far events are counted; more are as many."""


@dataclass(frozen=True, slots=True)
class Disk:
    """Bytes: those of each part of the data directory, those that are free beside it, and those to be left free.

    With less than the reserve free no more files are kept, so that messages still are.
    """

    parts: Mapping[str, int]
    free: int
    reserve: int

    @property
    def used(self) -> int:
        return sum(self.parts.values())

    @property
    def is_nearly_full(self) -> bool:
        return self.free < self.reserve


@dataclass(frozen=True, slots=True)
class Backlog:
    """By topic, how many events wait to be consumed, and how many nobody could handle; each up to `COUNTED`."""

    waiting: Mapping[Topic, int]
    dead: Mapping[Topic, int]


@dataclass(frozen=True, slots=True)
class Backup:
    """What a backup holds: how many files, the database and keys among them, and their bytes."""

    files: int
    size: int


class Machine(Protocol):
    """What only the machine itself knows. All raise `StoreError`."""

    def disk(self) -> Disk:
        """Measure the disk, which reads every directory's entries."""
        ...

    def backlog(self) -> Backlog:
        """Count the events that wait."""
        ...

    def back_up(self, archive: Path) -> Backup:
        """Write all that the hub keeps into one file, while it goes on; raises `Collision` for a file that exists."""
        ...

    @property
    def is_served(self) -> bool:
        """Whether a hub is running on it, in this or another process."""
        ...
