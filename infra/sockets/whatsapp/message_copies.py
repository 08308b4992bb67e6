"""Messages that a worker has and the hub has not published yet: WhatsApp counts them as received, and tells them once.

Each is a file in the session's directory from before the hub hears of it until it is published, so that killing both
processes loses none.
"""

from __future__ import annotations

import shutil
import time
from itertools import count
from pathlib import Path

_FOLDER = "copies"
_LONGEST_SECONDS = 86_400.0
"""An account that was not connected for so long is not waited for: nobody may keep what customers wrote for ever."""


class MessageCopies:
    """Those in one session's directory."""

    def __init__(self, directory: Path) -> None:
        self._folder = directory / _FOLDER
        self._folder.mkdir(mode=0o700, exist_ok=True)
        self._numbers = count(1)

    def keep(self, text: bytes) -> str:
        """Keep a line of the worker's; returns the name under which it is forgotten."""
        name = str(next(self._numbers))
        (self._folder / name).write_bytes(text)
        return name

    def forget(self, name: str) -> None:
        (self._folder / name).unlink(missing_ok=True)


def copies_in(directory: Path) -> list[Path]:
    """The files of a directory that nobody uses any more, oldest first."""
    return sorted((directory / _FOLDER).glob("*"), key=lambda path: int(path.name))


def delete_all_but_copies(directory: Path) -> None:
    """Delete a session's directory, or as much of it as is not still to be published."""
    oldest = time.time() - _LONGEST_SECONDS
    if not any(path.stat().st_mtime > oldest for path in copies_in(directory)):
        shutil.rmtree(directory, ignore_errors=True)
        return
    for path in directory.iterdir():
        if path.is_dir() and path.name != _FOLDER:
            shutil.rmtree(path, ignore_errors=True)
        elif not path.is_dir():
            path.unlink(missing_ok=True)
