"""The hub as a process of its own: one that can be killed and started again over the same data."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

from shared.bootstrap import bootstrap, close
from shared.config import Settings
from shared.deps import Deps
from shared.ports.store import Where
from tests.pipeline.hub import eventually

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "infra.local.serve"]
PATIENCE = 60.0
"""Seconds to wait for what needs one or two; the machine may be busy."""


class HubProcess:
    """`python -m infra.local.serve` over `directory`; `settings` are its environment."""

    def __init__(self, directory: Path, **settings: str) -> None:
        self.url = ""
        self.starts = 0
        self.headers: dict[str, str] = {}
        self.tenant_id = ""
        self.data = directory / "data"
        self._directory = directory
        self._environment = {
            "PYTHONPATH": str(ROOT),
            "DATA_DIR": str(self.data),
            "PORT": "0",
            "LOG_LEVEL": "WARNING",
            "RETRY_MIN_SECONDS": "0.05",
            "RETRY_MAX_SECONDS": "0.4",
            "REPLY_DEBOUNCE_SECONDS": "0",
        } | settings
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> str:
        """What all runs so far wrote to standard error."""
        return "".join(path.read_text() for path in sorted(self._directory.glob("*.err")))

    def start(self) -> None:
        """Start and wait until it listens, on a port that is new each time."""
        self.starts += 1
        out, err = (self._directory / f"{self.starts:02}.{kind}" for kind in ("out", "err"))
        with out.open("wb") as stdout, err.open("wb") as stderr:
            self._process = subprocess.Popen(
                COMMAND, cwd=self._directory, env=self._environment, stdout=stdout, stderr=stderr
            )
        process = self._process
        said = eventually(lambda: out.read_text() or ("it ended" if process.poll() is not None else ""), PATIENCE)
        assert said.startswith("listening on "), f"{said}: {self.log}"
        self.url = said.split()[-1]

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

    def post(self, path: str, body: Any, status: int) -> Any:
        """Call the hub as the owner of the tenant."""
        answer = requests.post(self.url + path, json=body, headers=self.headers, timeout=PATIENCE)
        assert answer.status_code == status, f"{answer.status_code}: {answer.text}"
        return answer.json()

    def register(self) -> None:
        """Make a tenant and act as its owner from now on."""
        session = self.post("/api/auth/register", {"email": "owner@example.com", "password": "correct horse"}, 201)
        self.tenant_id = session["tenant"]["id"]
        self.headers = {"Authorization": f"Bearer {session['accessToken']}"}

    def echo_on_telegram(self) -> str:
        """Make an agent that echoes, and a bot that it speaks through; returns the path of the bot's webhook."""
        self.post("/api/agents", {"name": "Echo"}, 201)
        channel = {"name": "Support", "type": "TELEGRAM_BOT", "config": {"botToken": "7:token"}}
        return f"/api/telegram/bot/webhook/{self.post('/api/channels', channel, 201)['id']}"

    @contextmanager
    def opened(self) -> Iterator[Deps]:
        """Its data, beside the running process or after it."""
        deps = bootstrap(Settings(data_dir=self.data))
        try:
            yield deps
        finally:
            close(deps)

    def documents(self, collection: str, **equal: Any) -> list[dict[str, Any]]:
        """What the store holds, by equality of fields."""
        where = [Where(name, "==", value) for name, value in {"tenant_id": self.tenant_id, **equal}.items()]
        found: list[dict[str, Any]] = []
        with self.opened() as deps:
            page = deps.store.find(collection, where, limit=500)
            found += [document.data for document in page.documents]
            while page.cursor is not None:
                page = deps.store.find(collection, where, limit=500, cursor=page.cursor)
                found += [document.data for document in page.documents]
        return found
