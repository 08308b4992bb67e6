"""A worker as a process of its own: how it is started, heard, watched and ended."""

from __future__ import annotations

import logging
import os
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import certifi

from infra.sockets.whatsapp import protocol
from shared.channels.whatsapp_web.gateway import PROVIDER
from shared.errors import ProviderUnavailable

logger = logging.getLogger(__name__)

_ROOT = Path(__file__).parents[3]
_STOP_SECONDS = 1.5
_SENDING_SECONDS = 5
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_LONGEST_LINE = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """How a worker is started: its command, to which the number of its socket is added, and more of its environment.

    One that needs more than `most_bytes` of memory is ended, and begun anew.
    """

    command: Sequence[str] = (sys.executable, "-m", "infra.sockets.whatsapp.worker")
    environment: Mapping[str, str] | None = None
    most_bytes: int = 400 * 1024 * 1024


class WorkerProcess:
    """`on_report` gets what the worker says, `on_exit` is called once when nothing more can come; on another thread."""

    def __init__(
        self, worker: Worker, directory: Path, on_report: Callable[[protocol.Report], None], on_exit: Callable[[], None]
    ) -> None:
        self._worker = worker
        self._on_report = on_report
        self._on_exit = on_exit
        self._writing = threading.Lock()
        self._heard_at = time.monotonic()
        self._socket, inherited = socket.socketpair()
        # Without a limit one worker that hangs would hold up the thread that looks after all of them.
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", _SENDING_SECONDS, 0))
        with inherited:
            self._process = subprocess.Popen(  # noqa: S603 - a program of ours
                [*worker.command, str(inherited.fileno())],
                pass_fds=[inherited.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,  # the library prints there
                stderr=subprocess.DEVNULL,
                cwd=directory,
                env=_environment(worker, directory),
                start_new_session=True,
            )
        self._reading = threading.Thread(target=self._read, name="whatsapp-worker", daemon=True)
        self._reading.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def tell(self, command: protocol.Command) -> None:
        """Raises `ProviderUnavailable` when the worker has ended."""
        try:
            with self._writing:
                self._socket.sendall(protocol.line(command))
        except OSError:
            # What went out of a line is no line; a worker that takes nothing is of no use either.
            self._process.kill()
            raise ProviderUnavailable(PROVIDER, "the connection has just ended") from None

    def why_to_end(self) -> str | None:
        """Why the worker is to be ended, if it is: it is silent, or needs too much memory."""
        if time.monotonic() - self._heard_at > protocol.SILENCE_SECONDS:
            return "the worker does not answer"
        if _resident_bytes(self._process.pid) > self._worker.most_bytes:
            return "the worker needs too much memory"
        return None

    def close(self) -> None:
        """Have it end, by force if it takes long; returns when it is gone."""
        try:
            self.tell(protocol.Stop())
            self._process.wait(_STOP_SECONDS)
        except (ProviderUnavailable, subprocess.TimeoutExpired):
            self.kill()
        self._socket.close()

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def _read(self) -> None:
        try:
            with self._socket.makefile("rb") as lines:
                while (text := lines.readline(_LONGEST_LINE)).endswith(b"\n"):
                    self._heard_at = time.monotonic()
                    self._take(text)
        except (OSError, ValueError):
            logger.info("a worker's socket was closed")
        finally:
            # Whatever has happened: nobody would hear the worker any more.
            self._process.kill()
            self._process.wait()
            self._on_exit()

    def _take(self, text: bytes) -> None:
        try:
            report = protocol.report(text)
        except ValueError:
            logger.warning("a worker said what cannot be read")
            return
        if report is not None:
            self._on_report(report)


def _environment(worker: Worker, directory: Path) -> dict[str, str]:
    """Nothing of the hub's own environment, in which credentials may be."""
    return {
        "PATH": os.defpath,
        "HOME": str(directory),
        "TMPDIR": str(directory),
        "PYTHONPATH": str(_ROOT),
        # The library marks all messages as a bot's unless this is in the real environment at the start.
        "NEONIZE_BOT_TAG": "off",
        # Go reads it; slim images have no certificates of their own.
        "SSL_CERT_FILE": certifi.where(),
    } | dict(worker.environment or {})


def _resident_bytes(pid: int) -> int:
    """Zero where the system does not tell, and for a process that has ended."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1]) * _PAGE_BYTES
    except (OSError, ValueError, IndexError):
        return 0
