"""Sessions' snapshots as objects of a Cloud Storage bucket."""

from __future__ import annotations

from shared.adapters.google.bucket import Bucket
from shared.errors import Conflict
from shared.ports.snapshots import Snapshot


class BucketSnapshots:
    """One object per session and epoch; one that was not written by this process is never replaced."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket
        self._generations: dict[str, int] = {}

    def latest(self, session_id: str) -> Snapshot | None:
        epochs = self._epochs(session_id)
        content = self._bucket.download(_name(session_id, epochs[-1])) if epochs else None
        return Snapshot(epochs[-1], content) if content is not None else None

    def put(self, session_id: str, snapshot: Snapshot) -> None:
        name = _name(session_id, snapshot.epoch)
        epochs = self._epochs(session_id)
        if any(epoch > snapshot.epoch for epoch in epochs):
            raise Conflict(None)
        generation = self._bucket.upload_version(name, snapshot.content, self._generations.get(name, 0))
        if generation is None:
            raise Conflict(None)
        self._generations[name] = generation
        for epoch in epochs:
            if epoch < snapshot.epoch:
                self._bucket.delete(_name(session_id, epoch))

    def delete(self, session_id: str) -> None:
        for epoch in self._epochs(session_id):
            self._bucket.delete(_name(session_id, epoch))

    def close(self) -> None:
        self._bucket.close()

    def _epochs(self, session_id: str) -> list[int]:
        """Lowest first."""
        names = self._bucket.names(f"{session_id}/")
        return sorted(int(name.rpartition("/")[2]) for name in names)


def _name(session_id: str, epoch: int) -> str:
    return f"{session_id}/{epoch}"
