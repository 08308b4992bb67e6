"""A provider that does not give up: it repeats each webhook until it is answered with 2xx."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import requests

from tests.crash.driver import PATIENCE, Driver
from tests.evolution import upsert, written

Proof: TypeAlias = Callable[[str, bytes], Mapping[str, str]]
"""The headers of a webhook by its address and body; made for each attempt, as address or time may be signed."""


def _as_json(url: str, body: bytes) -> Mapping[str, str]:
    return {"content-type": "application/json"}


@dataclass(frozen=True)
class Call:
    """One webhook, and the text in it that only it has."""

    path: str
    text: str
    body: bytes
    proof: Proof = _as_json


@dataclass
class Sender:
    """Sends the calls of a chat one after the other, the chats side by side; some calls twice, as providers do."""

    hub: Driver
    seed: int
    accepted: set[str] = field(default_factory=set)
    attempts: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def sending(self, chats: Sequence[Sequence[Call]], threads: int = 12) -> Iterator[list[Future[None]]]:
        """Send on threads of its own; at the end all calls have been accepted."""
        with ThreadPoolExecutor(threads) as pool:
            running = [pool.submit(self._send_chat, calls) for calls in chats]
            yield running
            for future in running:
                future.result()

    def _send_chat(self, calls: Sequence[Call]) -> None:
        for call in calls:
            self.send(call)
            if random.Random(f"{self.seed}{call.text}").random() < 0.1:
                self.send(call)

    def send(self, call: Call) -> None:
        """Raises `AssertionError` when the hub never accepts it."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            with self._lock:
                self.attempts += 1
            url = self.hub.url + call.path
            try:
                answer = requests.post(url, data=call.body, headers=call.proof(url, call.body), timeout=20)
            except requests.RequestException:
                time.sleep(0.1)
                continue
            if answer.ok:
                with self._lock:
                    self.accepted.add(call.text)
                return
            assert answer.status_code >= 500, f"{answer.status_code}: {answer.text}"
            time.sleep(0.1)
        raise AssertionError(f"{call.text} was never accepted")


def telegram_calls(path: str, chats: range, per_chat: int = 1) -> list[list[Call]]:
    """Updates of private chats; the n-th text of chat 17 is `m17.n`."""
    return [[_update(path, chat, n) for n in range(per_chat)] for chat in chats]


def _update(path: str, chat: int, n: int) -> Call:
    number = chat * 1000 + n
    text = f"m{chat}.{n}"
    person = {"id": chat, "is_bot": False, "first_name": f"Customer {chat}"}
    message = {
        "message_id": number,
        "date": int(time.time()),
        "chat": {"id": chat, "type": "private", "first_name": f"Customer {chat}"},
        "from": person,
        "text": text,
    }
    return Call(path, text, _encoded({"update_id": number, "message": message}))


def whatsapp_calls(chats: range, per_chat: int) -> list[list[Call]]:
    """Evolution's calls for the instance `shop`; the n-th text of chat 17 is `m17.n`."""
    return [[_upsert(chat, n) for n in range(per_chat)] for chat in chats]


def _upsert(chat: int, n: int) -> Call:
    text = f"m{chat}.{n}"
    data = written(text, remoteJid=f"5511{chat:09}@s.whatsapp.net", id=f"IN{chat}N{n}")
    return Call("/webhook/evolution/shop", text, _encoded(upsert(data)))


def _encoded(body: dict[str, Any]) -> bytes:
    return json.dumps(body).encode()
