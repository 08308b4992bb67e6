"""What lies in the data directory, and who is serving it."""

from __future__ import annotations

import fcntl
import os
import shutil
from pathlib import Path

from shared.adapters.embedded.engine.database import Database
from shared.domain.events import Topic
from shared.errors import Overloaded, StoreError
from shared.ports.machine import COUNTED, Backlog, Backup, Disk

_RETRY_SECONDS = 600.0


class DirectoryMachine:
    """`Machine` over a data directory and the database in it."""

    def __init__(self, database: Database, directory: Path, reserve: int) -> None:
        self._database = database
        self._directory = directory
        self._reserve = reserve

    def disk(self) -> Disk:
        parts = {"database": 0, "other": 0}
        try:
            with os.scandir(self._directory) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        parts[entry.name] = _size_of(entry.path)
                    else:
                        part = "database" if entry.name.startswith("hub.db") else "other"
                        parts[part] += entry.stat(follow_symlinks=False).st_size
            return Disk(parts, shutil.disk_usage(self._directory).free, self._reserve)
        except OSError as error:
            raise StoreError(f"the data directory could not be measured: {error.strerror}") from error

    def backlog(self) -> Backlog:
        return Backlog(self._count("events"), self._count("dead_letters"))

    def back_up(self, archive: Path) -> Backup:
        from shared.adapters.embedded.archive import back_up  # noqa: PLC0415 - for an operator's command alone

        members = back_up(self._directory, archive).members.values()
        return Backup(len(members), sum(member.size for member in members))

    @property
    def is_served(self) -> bool:
        try:
            handle = os.open(self._directory / "hub.lock", os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        except OSError as error:
            raise StoreError(f"hub.lock could not be looked at: {error.strerror}") from error
        try:
            # A shared lock, so that two who look do not take each other for a hub.
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(handle)
        return False

    def _count(self, table: str) -> dict[Topic, int]:
        sql = f"SELECT topic, COUNT(*) FROM (SELECT topic FROM {table} LIMIT ?) GROUP BY topic"  # noqa: S608  our own names
        counted = dict(self._database.read(sql, (COUNTED,)))
        return {topic: counted.get(topic.value, 0) for topic in Topic}


def check_room(directory: Path, reserve: int) -> None:
    """Raise `Overloaded` where less than `reserve` bytes are free for what can do without."""
    existing = next(path for path in (directory, *directory.parents) if path.exists())
    if shutil.disk_usage(existing).free < reserve:
        raise Overloaded(
            "the hub's disk is nearly full, and keeps no more files: the operator has to make room (DISK_RESERVE_MB)",
            _RETRY_SECONDS,
        )


def _size_of(directory: str) -> int:
    """Bytes of all files below a directory; those that are deleted meanwhile count as none."""
    total = 0
    pending = [directory]
    while pending:
        try:
            with os.scandir(pending.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        pending.append(entry.path)
                    else:
                        total += entry.stat(follow_symlinks=False).st_size
        except FileNotFoundError:
            continue
    return total
