"""The hub as `make serve` starts it, for clients that know nothing but their own document."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any

import requests

from shared.bootstrap import bootstrap, close
from shared.config import Settings
from tests.functions.keys import key_for

ROOT = Path(__file__).parents[2]
PATIENCE = 60.0
"""Seconds to wait for what needs one or two; the machine may be busy."""

# The environment is what the tests run in, so that make need not set it up once more.
COMMAND = ["make", "--no-print-directory", "--silent", "--assume-old=.venv/.serving", "serve"]


class Server:
    """A running `make serve` over `directory`; `variables` are its settings, `url` is what it printed."""

    def __init__(self, directory: Path, **variables: str) -> None:
        self.data = directory / "data"
        self._log = directory / "log"
        environment = {
            "PATH": f"{Path(shutil.which('make') or '/usr/bin/make').parent}:{os.defpath}",
            "PORT": "0",
            "DATA_DIR": str(self.data),
            "LOG_LEVEL": "WARNING",
            "REPLY_DEBOUNCE_SECONDS": "0",
            "RETRY_MIN_SECONDS": "0.05",
            "RETRY_MAX_SECONDS": "0.2",
        }
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                COMMAND,
                cwd=ROOT,
                env=environment | variables,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )
        assert self._process.stdout is not None
        first_line = self._process.stdout.readline()
        assert first_line.startswith("listening on "), f"{first_line}{self.log}"
        self.url = first_line.removeprefix("listening on ").strip()

    @property
    def log(self) -> str:
        return self._log.read_text()

    def stop(self) -> None:
        """End make and what it started, which are a process group of their own."""
        os.killpg(self._process.pid, signal.SIGTERM)
        try:
            self._process.wait(PATIENCE)
        finally:
            if self._process.stdout is not None:
                self._process.stdout.close()

    def operators_key(self, tenant_id: str) -> dict[str, str]:
        """The headers of an administrator of a tenant that nobody has registered."""
        deps = bootstrap(Settings(data_dir=self.data))
        try:
            return key_for(deps, tenant_id)
        finally:
            close(deps)

    def client(self, headers: dict[str, str] | None = None) -> Client:
        return Client(self.url, headers or {})


class Client:
    """Calls the hub with the headers that its document has it send."""

    def __init__(self, url: str, headers: dict[str, str]) -> None:
        self.url = url
        self.headers = headers

    def get(self, path: str, status: int = 200, timeout: float = PATIENCE) -> Any:
        return self.call("GET", path, None, status, timeout)

    def post(self, path: str, body: Any = None, status: int = 200) -> Any:
        return self.call("POST", path, body, status)

    def patch(self, path: str, body: Any, status: int = 200) -> Any:
        return self.call("PATCH", path, body, status)

    def put(self, path: str, body: Any, status: int = 200) -> Any:
        return self.call("PUT", path, body, status)

    def call(self, method: str, path: str, body: Any, status: int, timeout: float = PATIENCE) -> Any:
        answer = requests.request(method, self.url + path, json=body, headers=self.headers, timeout=timeout)
        assert answer.status_code == status, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None
