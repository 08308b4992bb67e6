"""Messages that a worker has and the hub has not published yet.

Each is a file in the session's directory from before the hub hears of it until it is published, so that none has to
come again that both processes had when they were killed. Until there is that file, an empty one marks a message that
has come.
"""

from __future__ import annotations

import hashlib
import shutil
import time
from itertools import count
from pathlib import Path

_FOLDER, _EXPECTED = "copies", "expected"
LONGEST_WAIT = 30.0
"""For how many seconds a message is waited for that has come: the library hands out nothing for some."""

_LONGEST_SECONDS = 86_400.0
"""An account that was not connected for so long is not waited for: nobody may keep what customers wrote for ever."""


class MessageCopies:
    """Those in one session's directory."""

    def __init__(self, directory: Path) -> None:
        self._folder = directory / _FOLDER
        self._expected = directory / _EXPECTED
        for folder in (self._folder, self._expected):
            folder.mkdir(mode=0o700, exist_ok=True)
        self._numbers = count(1)

    def expect(self, message_id: str) -> None:
        """Note that a message has come, before its keys are used up."""
        self._mark(message_id).touch()

    def settle(self, message_id: str) -> None:
        """A message that has come was kept, or nothing is to be kept of it."""
        self._mark(message_id).unlink(missing_ok=True)

    def unpublished(self) -> set[str]:
        """Names for the messages that have come and are not published, the same before and after one is copied."""
        oldest = time.time() - LONGEST_WAIT
        # Marks first: who looks while one becomes a copy sees both, and not neither.
        expected = {mark.name for mark in self._expected.glob("*") if _changed_at(mark) > oldest}
        return expected | {copy.suffix[1:] for copy in self._folder.glob("*")}

    def keep(self, message_id: str, text: bytes) -> str:
        """Keep the line with which the worker tells of the message; returns the name under which it is forgotten."""
        name = f"{next(self._numbers)}.{_name(message_id)}"
        (self._folder / name).write_bytes(text)
        return name

    def forget(self, name: str) -> None:
        (self._folder / name).unlink(missing_ok=True)

    def _mark(self, message_id: str) -> Path:
        return self._expected / _name(message_id)


def copies_in(directory: Path) -> list[Path]:
    """The files of a directory that nobody uses any more, oldest first; another version may have named them."""
    return sorted((directory / _FOLDER).glob("*"), key=lambda path: (len(path.stem), path.stem))


def in_log(message_id: str) -> str:
    """Senders choose the ids, and the library's log escapes nothing: there an id ends at its first quotation mark."""
    return message_id.partition('"')[0]


def _name(message_id: str) -> str:
    """An id is no name of a file."""
    return hashlib.sha256(in_log(message_id).encode()).hexdigest()


def _changed_at(path: Path) -> float:
    """Zero for a file that is gone."""
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def delete_all_but_copies(directory: Path, *others: Path) -> None:
    """Delete a session's directory, or as much of it as is not still to be published, nor one of the others."""
    oldest = time.time() - _LONGEST_SECONDS
    if not any(_changed_at(path) > oldest for path in [*copies_in(directory), *others]):
        shutil.rmtree(directory, ignore_errors=True)
        return
    for path in directory.iterdir():
        if path.is_dir() and path.name != _FOLDER:
            shutil.rmtree(path, ignore_errors=True)
        elif not path.is_dir() and path not in others:
            path.unlink(missing_ok=True)
