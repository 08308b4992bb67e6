"""Messages that were about to leave when their hub was killed, so that all others may be sent again.

The library logs each message before it writes it to the connection. The message's id is noted then, in the session's
directory. When a hub is killed, these notes say which messages may have left: what was claimed for sending and is not
among them has not.
"""

from __future__ import annotations

import json
import os
import re
import signal
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

_FOLDER, _ORIGIN, _CONCLUSION = "departures", "origin.json", "conclusion.json"
_SENDING = "Client/Send"
_MESSAGE = re.compile(r'<message (?![^>]*?\bcategory="peer")[^>]*?\bid="([0-9A-Za-z]{1,64})"')
"""But for those to the account's own phone about the library's own matters."""

_NOTE_SECONDS, _MOST_FILES = 300, 3
"""How long one file of notes is written, and how many there are. By then the hub knows what became of a message."""

_END_SECONDS = 0.1


class Departures:
    """Those of one line, in its session's directory."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._folder = directory / _FOLDER
        self._folder.mkdir(mode=0o700, exist_ok=True)

    def hear(self, logger: str, line: str) -> None:
        """A line of the library's log, on the thread that is about to do what it says."""
        if logger == _SENDING and (message := _MESSAGE.match(line)):
            self._note(message[1])

    def begin(self, epoch: int, worker_pid: int) -> None:
        """Write down whose notes these are. All messages that are claimed from now on are sent by this worker."""
        origin = {"epoch": epoch, "began_at": time.time(), "worker": worker_pid}
        (self._directory / _ORIGIN).write_text(json.dumps(origin))

    def message_ids(self) -> list[str]:
        """The messages that have left of late, or may have."""
        return [message_id for path in self._files() for message_id in path.read_text("ascii").split()]

    def _note(self, message_id: str) -> None:
        path = self._folder / str(int(time.time() // _NOTE_SECONDS))
        if not path.exists():
            for former in self._files()[: 1 - _MOST_FILES]:
                former.unlink(missing_ok=True)
        with path.open("a", encoding="ascii") as notes:
            notes.write(f"{message_id}\n")

    def _files(self) -> list[Path]:
        return sorted(self._folder.glob("*"), key=lambda path: int(path.name))


@dataclass(frozen=True, slots=True)
class Departed:
    """What a line that has ended may have sent of late: parts by our own ids.

    `began_at` and `ended_at` are Unix times; it had ended at the latest when its notes were read.
    """

    epoch: int
    began_at: float
    ended_at: float
    part_ids: frozenset[str]


def conclude(directory: Path, part_ids_of: Callable[[Sequence[str]], Mapping[str, str]]) -> None:
    """Keep what a dead hub's notes mean before its database is deleted.

    `part_ids_of` says which parts messages are. Where one is unknown, or anything fails, nothing is concluded: then
    everything may have left.
    """
    with suppress(OSError, ValueError, KeyError):
        origin = json.loads((directory / _ORIGIN).read_text())
        _end_worker(directory, origin["worker"])
        message_ids = Departures(directory).message_ids()
        part_ids = part_ids_of(message_ids)
        parts = sorted({part_ids[message_id] for message_id in message_ids})
        lifetime = {"began_at": origin["began_at"], "ended_at": time.time()}
        conclusion = {"epoch": origin["epoch"], "parts": parts, **lifetime}
        conclusion_in(directory).write_text(json.dumps(conclusion))


def conclusion_in(directory: Path) -> Path:
    return directory / _CONCLUSION


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def departed_from(directories: Iterable[Path]) -> dict[int, Departed]:
    """What lines that have ended may have sent, by their epochs."""
    departed: dict[int, Departed] = {}
    for directory in directories:
        with suppress(OSError, ValueError, KeyError):
            content = json.loads(conclusion_in(directory).read_text())
            lifetime = content["began_at"], content["ended_at"]
            line = Departed(content["epoch"], *lifetime, frozenset(content["parts"]))
            departed[line.epoch] = line
    return departed


def may_have_left(part_id: str, claimed_at: datetime, epoch: int, departed: Mapping[int, Departed]) -> bool:
    """Whether a line before that of `epoch` may have sent a part that was claimed then.

    Only where every line since the claim is remembered here, and none had begun to send it, it has not left. What was
    claimed after the last of them had ended, this process has claimed itself.
    """
    last = departed.get(epoch - 1)
    if last is None or claimed_at.timestamp() > last.ended_at:
        return True
    while (line := departed.get(epoch := epoch - 1)) is not None:
        if part_id in line.part_ids:
            return True
        if line.began_at <= claimed_at.timestamp():
            return False
    return True


def _end_worker(directory: Path, pid: int) -> None:
    """End a worker that has outlived its hub for a moment: it might send what is about to be sent again."""
    if not is_running(pid):
        return
    Path("/proc/self").resolve(strict=True)  # where the system does not tell, nothing can be concluded
    with suppress(FileNotFoundError, ProcessLookupError):  # it has just ended
        if Path(f"/proc/{pid}/cwd").resolve(strict=True) == directory.resolve():
            os.kill(pid, signal.SIGKILL)
            time.sleep(_END_SECONDS)
