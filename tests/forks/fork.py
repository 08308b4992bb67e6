"""Starts programs of the hub in processes of their own that need not load the hub."""

from __future__ import annotations

import atexit
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import IO, Any, Protocol

ROOT = Path(__file__).parents[2]
_ordering = threading.Lock()


class Running(Protocol):
    """What tests need of a process, be it a fork or a `subprocess.Popen`."""

    @property
    def pid(self) -> int: ...

    def poll(self) -> int | None:
        """The exit status, or None while it runs."""

    def wait(self, timeout: float | None = None) -> int:
        """The exit status, minus the number of the signal that ended it; raises `subprocess.TimeoutExpired`."""

    def send_signal(self, sig: int) -> None: ...


class Fork:
    """`program` is `module:function`; the function returns the exit status, and finds `arguments` in `sys.argv`.

    The process is as one that was started: it leads a session and has no environment but its own. What has to be there
    before Python is, such as `LD_PRELOAD`, does nothing here.
    """

    def __init__(
        self,
        program: str,
        *arguments: str,
        directory: Path,
        environment: Mapping[str, str],
        stdout: IO[Any],
        stderr: IO[Any],
    ) -> None:
        order = {
            "program": program,
            "arguments": arguments,
            "directory": str(directory),
            "environment": dict(environment),
        }
        fate, written = os.pipe()
        try:
            with _ordering:
                line = json.dumps(order).encode() + b"\n"
                socket.send_fds(_orders(), [line], [stdout.fileno(), stderr.fileno(), written])
        finally:
            os.close(written)
        self._fate = os.fdopen(fate, "rb", buffering=0)
        self._status: int | None = None
        self.pid = int(self._fate.readline())

    def poll(self) -> int | None:
        return self._status_within(0)

    def wait(self, timeout: float | None = None) -> int:
        status = self._status_within(timeout)
        if status is None:
            raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0)
        return status

    def send_signal(self, sig: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, sig)

    def _status_within(self, seconds: float | None) -> int | None:
        if self._status is None and select.select([self._fate], [], [], seconds)[0]:
            self._status = int(self._fate.readline() or -signal.SIGKILL)
            self._fate.close()
        return self._status


@cache
def _orders() -> socket.socket:
    """The socket of a server that ends with this process."""
    orders, inherited = socket.socketpair()
    with inherited:
        server = subprocess.Popen(
            [sys.executable, "-m", "tests.forks.server", str(inherited.fileno())],
            cwd=ROOT,
            env={"PATH": os.defpath},
            pass_fds=[inherited.fileno()],
            start_new_session=True,
        )

    def end() -> None:
        orders.close()
        server.wait()

    atexit.register(end)
    return orders
