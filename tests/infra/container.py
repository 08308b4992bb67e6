"""The always-on container as a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import requests

ROOT = Path(__file__).parents[2]


class Container:
    """A running process; `url` is the address that it printed."""

    def __init__(self, log: Path, environment: dict[str, str], *module: str) -> None:
        self._log = log
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", *(module or ("infra.sockets",))],
                cwd=ROOT,
                env={"PATH": os.defpath, "PYTHONPATH": str(ROOT), **environment},
                stdout=subprocess.PIPE,
                stderr=output,
                text=True,
            )
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().removeprefix("listening on ").strip()
        assert self.url, self.log

    @property
    def log(self) -> str:
        return self._log.read_text()

    def get(self, path: str) -> tuple[int, object]:
        answer = requests.get(f"{self.url}{path}", timeout=10)
        return answer.status_code, answer.json()

    def stop(self) -> int:
        """The exit status after SIGTERM; Cloud Run grants ten seconds, then it kills."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(10)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()


Start: TypeAlias = Callable[..., Container]
