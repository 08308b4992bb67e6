"""Sessions' snapshots in the data directory."""

from __future__ import annotations

import os
import secrets
import shutil
from pathlib import Path

from shared.errors import Conflict, StoreError
from shared.ports.snapshots import Snapshot
from shared.security.sealed import sync_directory


class DirectorySnapshots:
    """A directory of mode 0700 per session, in it a file of mode 0600 with the epoch as its name.

    A snapshot is written beside it and moved when it is whole, so that after a power cut there is the new one or the
    one before.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def latest(self, session_id: str) -> Snapshot | None:
        try:
            epochs = self._epochs(session_id)
            return Snapshot(epochs[-1], self._path(session_id, epochs[-1]).read_bytes()) if epochs else None
        except OSError as error:
            raise StoreError("a session's snapshot could not be read") from error

    def put(self, session_id: str, snapshot: Snapshot) -> None:
        try:
            self._put(session_id, snapshot)
        except OSError as error:
            raise StoreError("a session's snapshot could not be kept") from error

    def delete(self, session_id: str) -> None:
        try:
            shutil.rmtree(self._directory / session_id)
        except FileNotFoundError:
            return
        except OSError as error:
            raise StoreError("a session's snapshot could not be deleted") from error

    def close(self) -> None:
        pass

    def _put(self, session_id: str, snapshot: Snapshot) -> None:
        folder = self._directory / session_id
        for directory in (self._directory, folder):
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if any(epoch > snapshot.epoch for epoch in self._epochs(session_id)):
            raise Conflict(None)
        draft = folder / f".{secrets.token_hex(8)}"
        try:
            handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(snapshot.content)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self._path(session_id, snapshot.epoch))
        finally:
            draft.unlink(missing_ok=True)
        sync_directory(folder)
        for epoch in self._epochs(session_id):
            if epoch < snapshot.epoch:
                self._path(session_id, epoch).unlink(missing_ok=True)

    def _epochs(self, session_id: str) -> list[int]:
        """Lowest first."""
        try:
            names = os.listdir(self._directory / session_id)
        except FileNotFoundError:
            return []
        return sorted(int(name) for name in names if name.isdecimal())

    def _path(self, session_id: str, epoch: int) -> Path:
        return self._directory / session_id / str(epoch)
