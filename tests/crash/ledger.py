"""Compares what the provider received with what the hub has stored about it."""

from __future__ import annotations

import random
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import count
from typing import Any

from tests.crash.driver import PATIENCE, Driver
from tests.eventually import eventually
from tests.stubs import Received, Reply, Stub

_TEXT = re.compile(r"\bm\d+\.\d+\b")
CONSUMERS = 16
"""How many messages the hub sends at once: so many can be on their way when it is killed."""


class Ledger:
    """Plays the sending side of Telegram, Evolution and whoever `takes` is asked for, and keeps the books on it.

    An answer takes up to `slowest` seconds.
    """

    def __init__(self, provider: Stub, seed: int = 0, slowest: float = 0.0) -> None:
        self.delivered: list[tuple[str, str]] = []
        self.hanging_up: set[str] = set()
        """Chats whose next message is cut off instead of accepted."""
        self._random = random.Random(seed)
        self._slowest = slowest
        self._numbers = count(10_000_000)
        self._lock = threading.Lock()
        me = {"ok": True, "result": {"id": 7, "is_bot": True, "first_name": "Bot", "username": "the_bot"}}
        # The provider closes its connections, so that the hub notices when it goes away.
        provider.on("POST", r"/bot[^/]+/getMe", Reply(json=me, headers={"Connection": "close"}))
        self.telegram = self.takes(_telegram_message, _telegram_answer)
        provider.on("POST", r"/bot[^/]+/sendMessage", self.telegram)
        provider.on("POST", r"/message/sendText", self.takes(_evolution_message, _evolution_answer))

    def takes(
        self, read: Callable[[Received], tuple[str, str]], answer: Callable[[Received, int], Reply]
    ) -> Callable[[Received], Reply]:
        """The rule of a provider: `read` returns chat and text of a request, `answer` the reply to the n-th."""

        def take(request: Received) -> Reply:
            if not _whole(request):
                return Reply(drop=True)
            chat, text = read(request)
            with self._lock:
                if chat in self.hanging_up:
                    self.hanging_up.remove(chat)
                    return Reply(drop=True)
                self.delivered.append((chat, text))
                number, delay = next(self._numbers), self._random.uniform(0, self._slowest)
            return replace(answer(request, number), delay=delay)

        return take

    def texts(self) -> Counter[str]:
        """How often each customer's text was answered."""
        with self._lock:
            return Counter(text for _, reply in self.delivered for text in _TEXT.findall(reply))

    def wait_for(self, deliveries: int) -> None:
        eventually(lambda: len(self.delivered) >= deliveries, PATIENCE)

    def has(self, payload: dict[str, Any]) -> bool:
        """Whether the provider received the text of an outbox item."""
        with self._lock:
            return any(reply == payload["text"] for _, reply in self.delivered)

    def by_chat(self) -> dict[str, list[str]]:
        """The customers' texts in the order in which they were answered."""
        chats: dict[str, list[str]] = {}
        with self._lock:
            for chat, reply in self.delivered:
                chats.setdefault(chat, []).extend(_TEXT.findall(reply))
        return chats


def _telegram_message(request: Received) -> tuple[str, str]:
    return str(request.json["chat_id"]), request.json["text"]


def _telegram_answer(request: Received, number: int) -> Reply:
    result = {"message_id": number, "date": 1, "chat": {"id": request.json["chat_id"], "type": "private"}}
    return Reply(json={"ok": True, "result": result})


def _evolution_message(request: Received) -> tuple[str, str]:
    return request.json["number"], request.json["text"]


def _evolution_answer(request: Received, number: int) -> Reply:
    key = {"remoteJid": request.json["number"], "fromMe": True, "id": f"OUT{number}"}
    return Reply(201, {"key": key})


def _whole(request: Received) -> bool:
    """Whether the whole body arrived; a killed hub sends a part of it."""
    return len(request.body) == int(request.headers["content-length"])


SWEEP_AFTER = 60.0


def settled(hub: Driver, messages: int, seed: int = 0) -> None:
    """Wait until everything that was accepted has been stored, and answered or given up, as long as something changes.

    An item whose wake-up was lost with a process is looked at by the sweep a minute after it was accepted.
    """
    progress, deadline = _progress(hub), time.monotonic() + PATIENCE + SWEEP_AFTER
    while missing := _unsettled(hub, messages):
        began = time.monotonic()
        if (latest := _progress(hub)) != progress:
            progress, deadline = latest, began + PATIENCE + SWEEP_AFTER
        assert began < deadline, f"seed {seed}: {missing}\n{hub.state()}"
        time.sleep(max(0.1, time.monotonic() - began))  # to read everything takes the time of the hub, too


def _progress(hub: Driver) -> Counter[str]:
    """What changes whenever a message goes a step further."""
    steps = Counter(f"message {message['direction']} {message['status']}" for message in hub.documents("messages"))
    return steps + Counter(f"item {item['status']}" for item in hub.documents("outbox"))


def _unsettled(hub: Driver, messages: int) -> str:
    stored = len(hub.documents("messages", direction="inbound"))
    if stored < messages:
        return f"{stored} of {messages} are stored"
    # In the order in which a message passes them: one that leaves a place in between is seen in the next.
    waiting = [one for one in hub.documents("conversations") if one["needs_reply_since"] is not None]
    if waiting:
        return f"not answered: {waiting[0]}"
    unsent = hub.documents("outbox", open=True)
    return f"not sent: {unsent[0]}" if unsent else ""


def stored_once(hub: Driver, texts: Iterable[str], seed: int = 0) -> None:
    """Every text is one message, and every chat one conversation."""
    stored = Counter(message["text"] for message in hub.documents("messages", direction="inbound"))
    expected = Counter(set(texts))
    assert stored == expected, f"seed {seed}: lost {expected - stored}, doubled {stored - expected}"
    chats = [(one["instance_id"], one["external_conversation_id"]) for one in hub.documents("conversations")]
    conversations = Counter(chats)
    assert set(conversations.values()) == {1}, f"seed {seed}: {conversations.most_common(3)}"


def dead_and_reported(hub: Driver, seed: int = 0) -> list[dict[str, Any]]:
    """The items that died: each because nobody knows its outcome, and each with a notification."""
    dead = hub.documents("outbox", status="DEAD")
    assert {item["reason"] for item in dead} <= {"outcome_unknown"}, f"seed {seed}: {dead}"
    notifications = hub.documents("notifications", type="message_dead")
    reported_ids = {notification["id"].split("-")[1] for notification in notifications}
    silent = [item["id"] for item in dead if item["id"] not in reported_ids]
    assert not silent, f"seed {seed}: nobody was told of {silent}"
    return dead


def answered_but_for_the_dead(hub: Driver, ledger: Ledger, texts: set[str], seed: int) -> list[dict[str, Any]]:
    """Nothing was answered twice, and what was not answered is among the dead, which are returned."""
    answered = ledger.texts()
    twice = {text: times for text, times in answered.items() if times > 1}
    assert not twice, f"seed {seed}: answered more than once: {twice}"
    dead = dead_and_reported(hub, seed)
    excused = {text for item in dead for text in _TEXT.findall(item["payload"]["text"])}
    assert texts - set(answered) <= excused, f"seed {seed}: never answered: {texts - set(answered) - excused}"
    return dead


def redrive_what_never_arrived(hub: Driver, ledger: Ledger, dead: list[dict[str, Any]]) -> None:
    """Redrive what the provider never received, as a person does who has checked the provider's list."""
    for item in dead:
        if not ledger.has(item["payload"]):
            hub.post(f"/api/outbox/{item['id']}/redrive", {}, 202)
    eventually(lambda: not hub.documents("outbox", open=True), PATIENCE)
