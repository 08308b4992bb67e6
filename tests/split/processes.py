"""The functions as processes of their own: as the image runs them, and as the functions framework does."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

import requests

from tests.forks.fork import ROOT, Fork, Running

PATIENCE = 60.0
"""Seconds to wait for what needs one or two; the machine may be busy."""


class FunctionProcess:
    """`functions/<name>/main.py` on a port of its own, served as in the image or, if so told, by the framework.

    It keeps its port and its log over `kill` or `terminate` and the next `start`.
    """

    def __init__(self, name: str, environment: Mapping[str, str], log: Path, framework: bool = False) -> None:
        self.name = name
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = log
        self._environment = {"PATH": os.defpath, **environment}
        self._framework = framework
        self._process: Running | None = None

    def launch(self) -> None:
        """Start without waiting until it answers."""
        launched = self._under_the_framework if self._framework else self._as_in_the_image
        with self.log.open("ab") as log:
            self._process = launched(f"functions/{self.name}/main.py", log)

    def _under_the_framework(self, source: str, log: IO[bytes]) -> Running:
        program = str(Path(sys.executable).with_name("functions-framework"))
        command = [program, "--host=127.0.0.1", f"--port={self.port}", f"--source={source}", "--target=handler"]
        return subprocess.Popen(
            command, cwd=ROOT, env=self._environment, stdout=log, stderr=log, start_new_session=True
        )

    def _as_in_the_image(self, source: str, log: IO[bytes]) -> Running:
        return Fork(
            "gunicorn.app.wsgiapp:run",
            "--config=infra/images/gunicorn.conf.py",
            f"--bind=127.0.0.1:{self.port}",
            directory=ROOT,
            environment=self._environment | {"FUNCTION_SOURCE": source, "FUNCTION_TARGET": "handler"},
            stdout=log,
            stderr=log,
        )

    def wait_until_it_answers(self) -> None:
        assert self._process is not None
        deadline = time.monotonic() + PATIENCE
        while not _answers(self.url):
            assert self._process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.02)

    def start(self) -> None:
        self.launch()
        self.wait_until_it_answers()

    def kill(self) -> None:
        """End it as a power cut does."""
        self._end(signal.SIGKILL)

    def terminate(self) -> int:
        """Ask it to end; returns its exit status."""
        return self._end(signal.SIGTERM)

    def ask_to_end(self) -> Running:
        """SIGTERM, and the process, which may still be at work."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        return self._process

    def _end(self, number: signal.Signals) -> int:
        process, self._process = self._process, None
        if process is None:
            return 0
        if number is signal.SIGKILL and process.poll() is None:
            os.killpg(process.pid, number)
        else:
            process.send_signal(number)
        return process.wait(PATIENCE)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(url: str) -> bool:
    try:
        requests.get(f"{url}/robots.txt", timeout=5)
    except requests.RequestException:
        return False
    return True


@contextmanager
def functions(
    names: list[str], environment: Mapping[str, str], directory: Path, framework: bool = True
) -> Iterator[dict[str, str]]:
    """Run several; gives their addresses by name."""
    with ExitStack() as stack:
        running = [FunctionProcess(name, environment, directory / f"{name}.log", framework) for name in names]
        for process in running:
            stack.callback(process.kill)
            process.launch()
        for process in running:
            process.wait_until_it_answers()
        yield {process.name: process.url for process in running}
