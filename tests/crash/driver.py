"""What the tests drive, however the hub is deployed: one process, or functions on the emulators."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import requests

from shared.bootstrap import bootstrap, close
from shared.config import Settings
from shared.deps import Deps
from shared.ports.store import Where
from tests.eventually import state_of

PATIENCE = 60.0
"""Seconds to wait for what needs one or two; the machine may be busy."""


class Driver(ABC):
    """A running hub that can be killed and started again over the same data; `settings` lead to that data.

    `many` chats keep it busy for a few seconds.
    """

    many = 300

    def __init__(self, settings: Settings) -> None:
        self.url = ""
        self.headers: dict[str, str] = {}
        self.tenant_id = ""
        self.settings = settings

    @abstractmethod
    def start(self) -> None:
        """Start what was killed or terminated, and wait until it answers."""

    @abstractmethod
    def kill(self) -> None:
        """End it, or one of the processes it is made of, as a power cut does."""

    @abstractmethod
    def terminate(self) -> int:
        """Ask it to end; returns its exit status."""

    @property
    @abstractmethod
    def log(self) -> str:
        """What all runs so far wrote to standard error."""

    def state(self) -> str:
        """Printed when a test waits for this hub in vain."""
        with self.opened() as deps:
            return f"{state_of(deps)}\nlog:\n{self.log[-4000:]}"

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
        return self.bot_on_telegram()

    def bot_on_telegram(self) -> str:
        """Make a bot; returns the path of its webhook."""
        channel = {"name": "Support", "type": "TELEGRAM_BOT", "config": {"botToken": "7:token"}}
        return f"/api/telegram/bot/webhook/{self.post('/api/channels', channel, 201)['id']}"

    @contextmanager
    def opened(self) -> Iterator[Deps]:
        """Its data, beside the running processes or after them."""
        deps = bootstrap(self.settings)
        try:
            yield deps
        finally:
            close(deps)

    def documents(self, collection: str, **equal: Any) -> list[dict[str, Any]]:
        """What the store holds, by equality of fields."""
        where = [Where(name, "==", value) for name, value in {"tenant_id": self.tenant_id, **equal}.items()]
        documents: list[dict[str, Any]] = []
        with self.opened() as deps:
            page = deps.store.find(collection, where, limit=500)
            documents += [document.data for document in page.documents]
            while page.cursor is not None:
                page = deps.store.find(collection, where, limit=500, cursor=page.cursor)
                documents += [document.data for document in page.documents]
        return documents
