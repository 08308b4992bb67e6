"""The hub, or the always-on container, as a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import IO, TypeAlias

from tests.forks.fork import ROOT, Fork, Running


class Process:
    """A module's `main` with arguments; `url` is the address that it printed, without a trailing slash, or empty.

    `variables` are its environment. The same directory is the same data. It is forked from a process that has imported
    the hub already.
    """

    def __init__(self, directory: Path, *command: str, **variables: str) -> None:
        directory.mkdir(exist_ok=True)
        self._directory = directory
        self._command = command or ("infra.local.serve",)
        self._environment = {"PATH": os.defpath, "PYTHONPATH": str(ROOT), "PORT": "0", "DATA_DIR": "data"} | variables
        self._log = directory / "log"
        output, written = os.pipe()
        with os.fdopen(written, "wb") as stdout, self._log.open("ab") as stderr:
            self.process = self._begin(stdout, stderr)
        self._output = os.fdopen(output)
        self.first_line = self._output.readline()
        self.url = self.first_line.removeprefix("listening on ").strip()

    def next_line(self) -> str:
        """What it prints next, or printed; empty when it has ended without printing any more."""
        return self._output.readline()

    def _begin(self, stdout: IO[bytes], stderr: IO[bytes]) -> Running:
        module, *arguments = self._command
        return Fork(
            f"{module}:main",
            *arguments,
            directory=self._directory,
            environment=self._environment,
            stdout=stdout,
            stderr=stderr,
        )

    @property
    def errors(self) -> str:
        return self._log.read_text()

    def stop(self, number: int = signal.SIGTERM, seconds: float = 30) -> int:
        """The exit status, which has to come within so many seconds."""
        self.process.send_signal(number)
        return self.process.wait(seconds)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self._output.close()


class ColdProcess(Process):
    """One that is started as an operator starts it, with `python -m`, which takes seconds."""

    def _begin(self, stdout: IO[bytes], stderr: IO[bytes]) -> Running:
        command = [sys.executable, "-m", *self._command]
        return subprocess.Popen(command, cwd=self._directory, env=self._environment, stdout=stdout, stderr=stderr)


Start: TypeAlias = Callable[..., Process]
"""`start(directory="hub", **variables)` for the hub; `start(*command, **variables)` for the container."""
