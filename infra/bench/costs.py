"""Round trips and documents per message, counted over the embedded store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from infra.bench.counting import Cost
from infra.bench.journey import Journey
from infra.bench.table import Row
from shared.bootstrap import bootstrap, close
from shared.config import Settings


def cost_rows(directory: Path, provider: str) -> list[Row]:
    """What a message costs once the caches are warm."""
    deps = bootstrap(Settings(data_dir=directory, telegram_api_url=provider, reply_debounce_seconds=0))
    try:
        return list(_walked(Journey(deps)))
    finally:
        close(deps)


def _walked(journey: Journey) -> Iterator[Row]:
    journey.write(chat=1, number=1)
    journey.hire_echo()
    journey.write(chat=2, number=1)
    known = journey.write(chat=1, number=2)
    yield _row("a message of somebody known", known.inbound, Cost(1, 1, 3, 4))
    yield _row("… its answer: reply, enqueue and deliver", known.answer, Cost(reads=3, commits=3))
    first = journey.write(chat=3, number=1)
    yield _row("the first message of somebody", first.inbound, None)
    yield _row("… its answer", first.answer, None)
    yield _row("a duplicate", journey.write(chat=3, number=1).inbound, None)
    yield _row("`GET /sessions/active`, 3 conversations", journey.get("/sessions/active")[1], None)


def _row(what: str, cost: Cost, budget: Cost | None) -> Row:
    if budget is None:
        return Row(what, str(cost))
    trips = cost.reads <= budget.reads and cost.commits <= budget.commits
    counted = bool(budget.documents_read)
    documents = cost.documents_read <= budget.documents_read and cost.documents_written <= budget.documents_written
    shown = str(budget) if counted else f"{budget.reads} reads, {budget.commits} commits"
    return Row(what, str(cost), f"≤ {shown}", trips and (documents or not counted))
