"""The functions as processes of their own, as the functions framework runs them."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import requests

ROOT = Path(__file__).parents[2]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(url: str) -> bool:
    try:
        requests.get(f"{url}/robots.txt", timeout=1)
    except requests.ConnectionError:
        return False
    return True


@contextmanager
def function(name: str, environment: Mapping[str, str], log: Path) -> Iterator[str]:
    """Run `functions/<name>/main.py` under functions-framework; gives its address."""
    port = _free_port()
    command = [str(Path(sys.executable).with_name("functions-framework")), "--host", "127.0.0.1"]
    command += ["--source", f"functions/{name}/main.py", "--target", "handler", "--port", str(port)]
    whole = {"PATH": os.defpath, "PYTHONPATH": str(ROOT), **environment}
    with log.open("ab") as output, subprocess.Popen(command, cwd=ROOT, env=whole, stdout=output, stderr=output) as run:
        url = f"http://127.0.0.1:{port}"
        try:
            deadline = time.monotonic() + 60
            while not _answers(url):
                assert run.poll() is None, log.read_text()
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.05)
            yield url
        finally:
            run.terminate()
            run.wait(30)


@contextmanager
def functions(names: list[str], environment: Mapping[str, str], directory: Path) -> Iterator[dict[str, str]]:
    """Run several; gives their addresses by name."""
    with ExitStack() as stack:
        yield {name: stack.enter_context(function(name, environment, directory / f"{name}.log")) for name in names}
