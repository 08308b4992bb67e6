"""The hub, or the always-on container, as a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

ROOT = Path(__file__).parents[2]


class Process:
    """`python -m <command>`; `url` is the address that it printed, without a trailing slash, empty if it printed none.

    `variables` are its environment. The same directory is the same data.
    """

    def __init__(self, directory: Path, *command: str, **variables: str) -> None:
        directory.mkdir(exist_ok=True)
        self._log = directory / "log"
        environment = {"PATH": os.defpath, "PYTHONPATH": str(ROOT), "PORT": "0", "DATA_DIR": "data"} | variables
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", *(command or ("infra.local.serve",))],
                cwd=directory,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert self.process.stdout is not None
        self.first_line = self.process.stdout.readline()
        self.url = self.first_line.removeprefix("listening on ").strip()

    def next_line(self) -> str:
        """What it prints next, or printed; empty when it has ended without printing any more."""
        assert self.process.stdout is not None
        return self.process.stdout.readline()

    @property
    def errors(self) -> str:
        return self._log.read_text()

    def stop(self, number: int = signal.SIGTERM, seconds: float = 30) -> int:
        """The exit status, which has to come within so many seconds."""
        self.process.send_signal(number)
        return self.process.wait(seconds)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()


Start: TypeAlias = Callable[..., Process]
"""`start(directory="hub", **variables)` for the hub; `start(*command, **variables)` for the container."""
