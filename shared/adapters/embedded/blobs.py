"""Blobs as files in the data directory."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

from shared.adapters.envelope import name_of, unwrap, wrap
from shared.errors import StoreError
from shared.ports.blobs import Blob

MAX_TOTAL = 1024 * 1024 * 1024
"""Bytes of all files together; above it those that would go first go at once."""

_DRAFT = "draft-"
# Seconds after which nobody is still writing a draft: who began it has died.
_DRAFT_LASTS = 3600.0


class FileBlobs:
    """One file per key, of mode 0600, in a directory of mode 0700 that is made when it is first needed.

    A file's modification time is when its time is over, so that throwing the
    old ones away, with every `put`, reads none of them.
    """

    def __init__(self, directory: Path, now: Callable[[], datetime], max_total: int = MAX_TOTAL) -> None:
        self._directory = directory
        self._now = now
        self._max_total = max_total

    def put(self, key: str, blob: Blob, ttl: timedelta) -> None:
        until = self._now() + ttl
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._write(self._directory / name_of(key), wrap(blob, until), until)
            self._prune()
        except OSError as error:
            raise StoreError("a file could not be kept") from error

    def get(self, key: str) -> Blob | None:
        try:
            return unwrap((self._directory / name_of(key)).read_bytes(), self._now())
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StoreError("a kept file could not be read") from error

    def delete(self, key: str) -> None:
        try:
            (self._directory / name_of(key)).unlink(missing_ok=True)
        except OSError as error:
            raise StoreError("a kept file could not be deleted") from error

    def close(self) -> None:
        pass

    def _write(self, path: Path, data: bytes, until: datetime) -> None:
        # Whoever reads meanwhile, or after a power cut, finds the whole old file or the whole new one.
        handle, name = tempfile.mkstemp(dir=self._directory, prefix=_DRAFT)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(handle)
            os.utime(name, (until.timestamp(), until.timestamp()))
            os.replace(name, path)
        except OSError:
            Path(name).unlink(missing_ok=True)
            raise

    def _prune(self) -> None:
        files: list[tuple[float, int, str]] = []
        with os.scandir(self._directory) as entries:
            for entry in entries:
                # Another thread may have thrown it away.
                with suppress(FileNotFoundError):
                    about = entry.stat()
                    until = about.st_mtime + (_DRAFT_LASTS if entry.name.startswith(_DRAFT) else 0)
                    files.append((until, about.st_size, entry.path))
        total, now = 0, self._now().timestamp()
        for until, size, path in sorted(files, reverse=True):
            total += size
            if until <= now or total > self._max_total:
                Path(path).unlink(missing_ok=True)
