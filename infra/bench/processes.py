"""Child processes of a measurement, each with nothing but its own settings in its environment."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
HELLO = ROOT / "infra/bench/hello.py"
PATIENCE = 60.0
SERVED = {"THREADS": "8", "WORKERS": "1"}
"""What the framework starts by itself on two cores; given, so that an image has the same."""


@contextmanager
def running(arguments: Sequence[str], environment: Mapping[str, str], log: Path) -> Iterator[subprocess.Popen[str]]:
    """`python <arguments>` for the time of the block, standard error into `log`; it is ended with all its children."""
    with log.open("a") as stderr:
        process = subprocess.Popen(
            [sys.executable, *arguments],
            env={"PYTHONPATH": str(ROOT), **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        )
    with process:
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()


def read_announcement(process: subprocess.Popen[str], prefix: str) -> str:
    """The rest of the line of its standard output that begins with `prefix`; raises `RuntimeError` when it ended."""
    if process.stdout is None:
        raise RuntimeError("the process has no output")
    for line in process.stdout:
        if line.startswith(prefix):
            return line.removeprefix(prefix).strip()
    raise RuntimeError(f"{process.args!r} ended with status {process.wait()}")


def free_port() -> int:
    """A port that was free a moment ago, for programs that cannot choose one themselves."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def call(port: int, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None) -> Any:
    """One request; returns the JSON of the answer. Raises `RuntimeError` for anything but 2xx."""
    status, payload = _exchange(port, method, path, body, headers)
    if not 200 <= status < 300:
        raise RuntimeError(f"{method} {path} was answered with {status}: {payload[:500]!r}")
    return json.loads(payload) if payload else None


def first_answer(port: int, method: str, path: str, body: object, headers: Mapping[str, str] | None = None) -> int:
    """Ask until somebody answers, whatever the answer; returns its status."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        with suppress(OSError, HTTPException):
            return _exchange(port, method, path, body, headers)[0]
        time.sleep(0.002)
    raise RuntimeError(f"nobody answered on port {port}")


def _exchange(port: int, method: str, path: str, body: object, headers: Mapping[str, str] | None) -> tuple[int, bytes]:
    connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        text = None if body is None else json.dumps(body)
        connection.request(method, path, text, {"content-type": "application/json", **(headers or {})})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


@contextmanager
def served(source: Path, environment: Mapping[str, str], log: Path) -> Iterator[int]:
    """A function of the hub for the time of the block, as its image serves it; gives its port."""
    port = free_port()
    arguments = ["-m", "gunicorn", f"--config={ROOT / 'infra/images/gunicorn.conf.py'}", f"--bind=127.0.0.1:{port}"]
    chosen = {"FUNCTION_SOURCE": str(source), "FUNCTION_TARGET": "handler"}
    with running(arguments, {**environment, **SERVED, **chosen}, log):
        yield port


@contextmanager
def framework_served(source: Path, environment: Mapping[str, str], log: Path) -> Iterator[int]:
    """A file's `handler` for the time of the block, as functions-framework serves it by itself; gives its port."""
    port = free_port()
    arguments = ["-m", "functions_framework", f"--source={source}", "--target=handler"]
    with running([*arguments, "--host=127.0.0.1", f"--port={port}"], {**environment, **SERVED}, log):
        yield port
