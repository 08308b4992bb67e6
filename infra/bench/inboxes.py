"""What the inbox costs a tenant with few conversations, and one with many."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

from infra.bench.backends import Environment
from infra.bench.costs import counted_journey
from infra.bench.counting import Cost
from infra.bench.journey import Journey
from infra.bench.table import Row
from shared.config import Settings, load_settings
from shared.ports.store import Create, Data, Ref, Store

FEW, MANY = 100, 100_000
MANY_OVER_EMULATORS = 2_000
"""The emulator takes a minute for ten thousand, and what is counted there does not depend on how long it takes."""

_BATCH = 500
_CALLS = 20


def inbox_rows(environment: Environment) -> list[Row]:
    """What reading the inbox costs with `FEW` conversations, and with `MANY`, where it is to cost the same."""
    settings = load_settings(environment)
    with counted_journey(settings) as journey:
        return list(_measured(settings, journey))


def _measured(settings: Settings, journey: Journey) -> Iterator[Row]:
    journey.write(chat=1, number=1)
    [row] = journey.get("/api/conversations")[0]["conversations"]
    ref = Ref("conversations", row["id"])
    conversation = journey.store.inner.get([ref])[ref].data
    _fill(journey.store.inner, conversation, 1, FEW)
    budgets = {path: _read(journey, path) for path in ("/api/inbox", "/api/inbox/counts")}
    for path, (cost, milliseconds) in budgets.items():
        yield Row(f"`GET {path}`, {FEW} conversations", f"{cost}, {milliseconds:.0f} ms")
    if settings.backend == "embedded":
        many = MANY
        _fill_file(settings.data_dir / "hub.db", ref.id, FEW, many)
    else:
        many = MANY_OVER_EMULATORS
        _fill(journey.store.inner, conversation, FEW, many)
    for path, (budget, _) in budgets.items():
        cost, milliseconds = _read(journey, path)
        text = f"{cost}, {milliseconds:.0f} ms" + (f", {many:,} conversations" if many != MANY else "")
        yield Row(f"… {path}, {MANY:,} conversations", text, "the same cost", cost == budget, counted=True)


def _fill(store: Store, conversation: Data, start: int, end: int) -> None:
    """Have the store hold `end` conversations, each with a message a second after the one before."""
    for first in range(start, end, _BATCH):
        numbers = range(first, min(first + _BATCH, end))
        at = [conversation["last_message_at"] + timedelta(seconds=n) for n in numbers]
        nth = [_nth(conversation, n, moment) for n, moment in zip(numbers, at, strict=True)]
        store.commit([Create(Ref("conversations", each["id"]), each) for each in nth])


def _fill_file(path: Path, conversation_id: str, start: int, end: int) -> None:
    """The same in one transaction of SQLite, by a connection of its own: commits of the store would take minutes."""
    with closing(sqlite3.connect(path, timeout=60)) as connection, connection:
        [(version, text)] = connection.execute(
            "SELECT version, data FROM doc_conversations WHERE id = ?", (conversation_id,)
        ).fetchall()
        connection.executemany("INSERT INTO doc_conversations VALUES (?, ?, ?)", _rows(version, text, start, end))


def _rows(version: str, text: str, start: int, end: int) -> Iterator[tuple[str, str, str]]:
    conversation = json.loads(text)
    mark, first_at = conversation["last_message_at"][0], datetime.fromisoformat(conversation["last_message_at"][1:])
    for number in range(start, end):
        at = mark + (first_at + timedelta(seconds=number)).isoformat(timespec="microseconds")
        yield f"c{number}", version, json.dumps(_nth(conversation, number, at), separators=(",", ":"))


def _nth(conversation: Data, number: int, at: object) -> dict[str, Any]:
    return {
        **conversation,
        "id": f"c{number}",
        "last_message_at": at,
        "updated_at": at,
        "last_message_id": f"m{number}",
    }


def _read(journey: Journey, path: str) -> tuple[Cost, float]:
    """What one call asks of the store, and the median of the milliseconds that calls take."""
    journey.get(path)  # who is calling is looked up once, and kept for a while
    _, cost = journey.get(path)
    durations = []
    for _ in range(_CALLS):
        began = time.perf_counter()
        journey.get(path)
        durations.append(time.perf_counter() - began)
    return cost, median(durations) * 1000
