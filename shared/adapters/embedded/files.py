"""Kept files in the data directory."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from shared.adapters.embedded.machine import check_room
from shared.adapters.envelope import name_of
from shared.adapters.file_contents import write
from shared.errors import StoreError
from shared.ports.files import FileContent

_DRAFTS = "drafts"
# Seconds after which nobody is still writing a draft: who began it has died.
_DRAFT_LASTS = 3600.0


class DirectoryFiles:
    """One file of mode 0600 per content, in a directory per tenant; all directories have mode 0700.

    A content is written beside them and moved when it is whole, so that whoever reads, also after a power cut, finds
    the whole content or none. While less than `reserve` bytes are free on the disk, `put` raises `Overloaded`.
    """

    def __init__(self, directory: Path, reserve: int = 0) -> None:
        self._directory = directory
        self._reserve = reserve

    def put(self, tenant_id: str, chunks: Iterable[bytes], limit: int) -> FileContent:
        try:
            check_room(self._directory, self._reserve)
            with self._draft() as draft:
                with draft.open("wb") as file:
                    content = write(chunks, file, limit)
                    file.flush()
                    os.fsync(file.fileno())
                self._keep(draft, self._path(tenant_id, content.sha256))
        except OSError as error:
            raise StoreError("a file could not be kept") from error
        return content

    def open(self, tenant_id: str, sha256: str) -> BinaryIO | None:
        try:
            return self._path(tenant_id, sha256).open("rb")
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StoreError("a kept file could not be read") from error

    def exists(self, tenant_id: str, sha256: str) -> bool:
        try:
            self._path(tenant_id, sha256).stat()
        except FileNotFoundError:
            return False
        except OSError as error:
            raise StoreError("a kept file could not be looked up") from error
        return True

    def delete(self, tenant_id: str, sha256: str) -> None:
        try:
            self._path(tenant_id, sha256).unlink(missing_ok=True)
        except OSError as error:
            raise StoreError("a kept file could not be deleted") from error

    def close(self) -> None:
        pass

    def _path(self, tenant_id: str, sha256: str) -> Path:
        return self._directory / name_of(tenant_id) / sha256

    @contextmanager
    def _draft(self) -> Iterator[Path]:
        drafts = self._directory / _DRAFTS
        for directory in (self._directory, drafts):
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        _delete_old_drafts(drafts)
        handle, name = tempfile.mkstemp(dir=drafts)
        os.close(handle)
        draft = Path(name)
        try:
            yield draft
        finally:
            draft.unlink(missing_ok=True)

    def _keep(self, draft: Path, path: Path) -> None:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        draft.replace(path)
        for directory in (path.parent, self._directory, self._directory.parent):
            _sync(directory)


def _delete_old_drafts(drafts: Path) -> None:
    oldest = time.time() - _DRAFT_LASTS
    with os.scandir(drafts) as entries:
        for entry in entries:
            with suppress(FileNotFoundError):  # another thread may have deleted it
                if entry.stat().st_mtime < oldest:
                    os.unlink(entry.path)


def _sync(directory: Path) -> None:
    """Have the directory's own entries outlive a power cut."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
