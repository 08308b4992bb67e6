"""What the inbox costs a tenant with few conversations, and one with many."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from statistics import median

from infra.bench.backends import Environment
from infra.bench.costs import counted_journey
from infra.bench.counting import Cost
from infra.bench.journey import Journey
from infra.bench.table import Row
from shared.config import load_settings
from shared.ports.store import Create, Data, Ref

FEW, MANY = 100, 100_000
_BATCH = 500
_CALLS = 20


def inbox_rows(environment: Environment) -> list[Row]:
    """What reading the inbox costs with `FEW` conversations, and with `MANY`, where it is to cost the same."""
    with counted_journey(load_settings(environment)) as journey:
        return list(_measured(journey))


def _measured(journey: Journey) -> Iterator[Row]:
    journey.write(chat=1, number=1)
    [row] = journey.get("/api/conversations")[0]["conversations"]
    ref = Ref("conversations", row["id"])
    conversation = journey.store.inner.get([ref])[ref].data
    _fill(journey, conversation, 1, FEW)
    budgets = {path: _read(journey, path) for path in ("/api/inbox", "/api/inbox/counts")}
    for path, (cost, milliseconds) in budgets.items():
        yield Row(f"`GET {path}`, {FEW} conversations", f"{cost}, {milliseconds:.0f} ms")
    _fill(journey, conversation, FEW, MANY)
    for path, (budget, _) in budgets.items():
        cost, milliseconds = _read(journey, path)
        text = f"{cost}, {milliseconds:.0f} ms"
        yield Row(f"… {path}, {MANY:,} conversations", text, "the same cost", cost == budget, counted=True)


def _fill(journey: Journey, conversation: Data, start: int, end: int) -> None:
    """Have the store hold `end` conversations, each with a message a second after the one before."""
    for first in range(start, end, _BATCH):
        numbers = range(first, min(first + _BATCH, end))
        journey.store.inner.commit([Create(Ref("conversations", f"c{n}"), _nth(conversation, n)) for n in numbers])


def _nth(conversation: Data, number: int) -> Data:
    at = conversation["last_message_at"] + timedelta(seconds=number)
    return conversation | {"id": f"c{number}", "last_message_at": at, "updated_at": at, "last_message_id": f"m{number}"}


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
