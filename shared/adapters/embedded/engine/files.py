"""Opening the SQLite file of a data directory, and claiming the directory."""

from __future__ import annotations

import fcntl
import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal, TypeAlias

from shared.adapters.embedded.engine.schema import upgrade
from shared.errors import ConfigurationInvalid
from shared.security.sealed import sync_directory

Synchronous: TypeAlias = Literal["FULL", "OFF"]
"""Whether a commit waits for the disk (FULL), or only outlives the process (OFF)."""
_OTHERS = stat.S_IRWXG | stat.S_IRWXO

BUSY_TIMEOUT = 10.0
"""Seconds to wait for another process that writes."""


def open_database(directory: Path | None, path: str, synchronous: Synchronous) -> sqlite3.Connection:
    """A connection to the file, with its schema upgraded; raises `ConfigurationInvalid` when it cannot be opened."""
    try:
        # SQLite does not wait for another process that changes the journal mode at the same time.
        with _exclusive_access(directory):
            connection = connect(path, synchronous)
            connection.execute("PRAGMA journal_mode = WAL")
            upgrade(connection)
    except sqlite3.Error as error:
        raise ConfigurationInvalid(f"DATA_DIR: {path} cannot be opened: {error}") from error
    return connection


def connect(path: str, synchronous: Synchronous) -> sqlite3.Connection:
    """One more connection to a file that `open_database` has opened; one thread at a time may use it."""
    connection = sqlite3.connect(
        path, timeout=BUSY_TIMEOUT, isolation_level=None, check_same_thread=False, cached_statements=512
    )
    connection.execute(f"PRAGMA synchronous = {synchronous}")
    connection.execute("PRAGMA secure_delete = FAST")
    connection.execute("PRAGMA temp_store = MEMORY")
    connection.execute("PRAGMA wal_autocheckpoint = 4000")
    connection.execute("PRAGMA journal_size_limit = 67108864")
    return connection


def prepare_file(directory: Path) -> Path:
    """Create the directory and the file where they are missing; returns the file's path.

    What others may read in the directory, a restored backup for one, is made the owner's alone.
    """
    path = directory / "hub.db"
    try:
        _create(directory)
        _make_private(directory)
        # An existing file is not opened: closing it would drop the locks that this process holds on it.
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        if not path.is_file():
            raise ConfigurationInvalid(f"DATA_DIR {directory} cannot be used: hub.db in it is not a file") from None
    except OSError as error:
        raise ConfigurationInvalid(f"DATA_DIR {directory} cannot be used: {error.strerror}") from error
    return path


def _create(directory: Path) -> None:
    """Create the directory and its missing parents, and sync their entries to the disk.

    SQLite syncs what lies in it.
    """
    missing = [path for path in (directory, *directory.parents) if not path.exists()]
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Also a directory that exists: the process that created it may have died before the sync.
    for path in missing or [directory]:
        with suppress(OSError):  # the parent is not readable, or its file system cannot sync
            sync_directory(path.parent)


def _make_private(directory: Path) -> None:
    """Take all rights of others away from the directory and what lies in it, links aside.

    Raises `ConfigurationInvalid` where that is not possible.
    """
    for path in (directory, *directory.rglob("*")):
        with suppress(FileNotFoundError):  # another process has just removed it
            if not _is_private(path):
                _take_rights_away(path)


def _is_private(path: Path) -> bool:
    mode = path.lstat().st_mode
    return stat.S_ISLNK(mode) or not mode & _OTHERS


def _take_rights_away(path: Path) -> None:
    with suppress(PermissionError):  # somebody else's
        path.chmod(stat.S_IMODE(path.stat().st_mode) & ~_OTHERS)
    if not _is_private(path):
        raise ConfigurationInvalid(f"DATA_DIR: others may use {path}: make it yours alone (chmod go= {path})")


def claim_directory(directory: Path) -> int:
    """Make this process the directory's only consumer until the returned descriptor is closed.

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
def _exclusive_access(directory: Path | None) -> Iterator[None]:
    if directory is None:
        yield
        return
    handle = os.open(directory, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
