"""Copies of the state of accounts' sessions, which their holder seals before it gives them here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What the holder of that epoch saved last."""

    epoch: int
    content: bytes


class Snapshots(Protocol):
    """The latest snapshot of each session, by an id that matches `[0-9a-f]{1,64}`. All raise `StoreError`.

    Only the holder of an epoch writes under it. A holder writes once before it uses the session: from then on nobody
    with a lower epoch can write.
    """

    def latest(self, session_id: str) -> Snapshot | None:
        """The snapshot with the highest epoch; None when there is none."""
        ...

    def put(self, session_id: str, snapshot: Snapshot) -> None:
        """Replace the session's snapshot; returns when it is durable.

        Raises `Conflict` once there is a holder with a higher epoch.
        """
        ...

    def delete(self, session_id: str) -> None:
        """Delete whatever there is of the session."""
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...
