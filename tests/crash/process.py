"""The hub as a process of its own: one that can be killed and started again over the same data."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from shared.config import Settings
from tests.crash.driver import PATIENCE, Driver
from tests.eventually import eventually
from tests.forks.fork import ROOT, Fork, Running


class HubProcess(Driver):
    """A program over `directory`, a module's `main` with arguments; `settings` are its environment."""

    def __init__(self, directory: Path, program: Sequence[str] = ("infra.local.serve",), **settings: str) -> None:
        self.data = directory / "data"
        super().__init__(Settings(data_dir=self.data))
        self.starts = 0
        self._directory = directory
        self._program = program
        self._environment = {
            "PYTHONPATH": str(ROOT),
            "DATA_DIR": str(self.data),
            "PORT": "0",
            "LOG_LEVEL": "WARNING",
            "RETRY_MIN_SECONDS": "0.05",
            "RETRY_MAX_SECONDS": "0.4",
            "REPLY_DEBOUNCE_SECONDS": "0",
        } | settings
        self._process: Running | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process is not None

    @property
    def log(self) -> str:
        """What all runs so far wrote to standard error."""
        return "".join(path.read_text() for path in sorted(self._directory.glob("*.err")))

    def start(self) -> None:
        """Start and wait until it listens, on a port that is new each time."""
        self.starts += 1
        out, err = (self._directory / f"{self.starts:02}.{kind}" for kind in ("out", "err"))
        with out.open("wb") as stdout, err.open("wb") as stderr:
            self._process = self._launched(stdout, stderr)
        process = self._process
        lines = eventually(lambda: _whole_lines(out) or (["it ended"] if process.poll() is not None else []), PATIENCE)
        assert lines[0].startswith("listening on "), f"{lines}: {self.log}"
        self.url = lines[0].split()[-1]

    def _launched(self, stdout: IO[bytes], stderr: IO[bytes]) -> Running:
        module, *arguments = self._program
        return Fork(
            f"{module}:main",
            *arguments,
            directory=self._directory,
            environment=self._environment,
            stdout=stdout,
            stderr=stderr,
        )

    def kill(self) -> None:
        """End it as a power cut does."""
        self._signal(signal.SIGKILL)

    def terminate(self) -> int:
        """Ask it to end; returns its exit status."""
        return self._signal(signal.SIGTERM)

    def _signal(self, number: signal.Signals) -> int:
        process, self._process = self._process, None
        if process is None:
            return 0
        process.send_signal(number)
        return process.wait(PATIENCE)


def _whole_lines(output: Path) -> list[str]:
    return output.read_text().split("\n")[:-1]
