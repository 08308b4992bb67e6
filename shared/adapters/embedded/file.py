"""Opening the SQLite file of a data directory, and claiming the directory."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal

from shared.adapters.embedded.schema import upgrade
from shared.errors import ConfigurationInvalid
from shared.security.sealed import sync_directory

BUSY_TIMEOUT = 10.0
"""Seconds to wait for another process that writes."""


def opened(directory: Path | None, path: str, synchronous: Literal["FULL", "NORMAL"]) -> sqlite3.Connection:
    """A connection to the file, whose schema is then today's; raises `ConfigurationInvalid` when there can be none."""
    try:
        # SQLite does not wait for others that change the mode at the same time: processes starting together.
        with _alone_in(directory):
            connection = connected(path, synchronous)
            connection.execute("PRAGMA journal_mode = WAL")
            upgrade(connection)
    except sqlite3.Error as error:
        raise ConfigurationInvalid(f"DATA_DIR: {path} cannot be opened: {error}") from error
    return connection


def connected(path: str, synchronous: Literal["FULL", "NORMAL"]) -> sqlite3.Connection:
    """One more connection to a file that was opened before; any thread may use it, one at a time."""
    connection = sqlite3.connect(
        path, timeout=BUSY_TIMEOUT, isolation_level=None, check_same_thread=False, cached_statements=512
    )
    connection.execute(f"PRAGMA synchronous = {synchronous}")
    connection.execute("PRAGMA secure_delete = FAST")
    connection.execute("PRAGMA temp_store = MEMORY")
    connection.execute("PRAGMA wal_autocheckpoint = 4000")
    connection.execute("PRAGMA journal_size_limit = 67108864")
    return connection


def prepared(directory: Path) -> Path:
    """The file's path, both made when they are missing; SQLite gives the files beside it the same mode."""
    path = directory / "hub.db"
    try:
        _make(directory)
        # Never opened when it is there: closing it would drop the locks that this process holds on it.
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        if not path.is_file():
            raise ConfigurationInvalid(f"DATA_DIR {directory} cannot be used: there is something else") from None
    except OSError as error:
        raise ConfigurationInvalid(f"DATA_DIR {directory} cannot be used: {error.strerror}") from error
    return path


def _make(directory: Path) -> None:
    """Make the directory, and those that lack above it, and have the disk keep them.

    SQLite sees to what lies in it.
    """
    missing = [each for each in (directory, *directory.parents) if not each.exists()]
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Also one that was there: whoever made it may have died before this.
    for each in missing or [directory]:
        with suppress(OSError):  # nobody may look into it, or its file system cannot do so
            sync_directory(each.parent)


def claimed(directory: Path) -> int:
    """Make this process the directory's one consumer until the descriptor that it returns is closed.

    Raises `ConfigurationInvalid` while there is another.
    """
    lock = os.open(directory / "hub.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        raise ConfigurationInvalid(f"DATA_DIR {directory} is in use by another process") from None
    return lock


@contextmanager
def _alone_in(directory: Path | None) -> Iterator[None]:
    if directory is None:
        yield
        return
    handle = os.open(directory, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
