"""Round trips and documents per message: as the store was asked, or on Google as they reached Firestore."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from infra.bench.backends import Environment
from infra.bench.counting import Cost, Meter
from infra.bench.journey import Journey
from infra.bench.table import Row
from shared.bootstrap import bootstrap, close
from shared.config import Settings, load_settings


def cost_rows(environment: Environment) -> list[Row]:
    """What a message costs once the caches are warm."""
    with counted_journey(load_settings(environment)) as journey:
        return list(_walked(journey))


@contextmanager
def counted_journey(settings: Settings) -> Iterator[Journey]:
    """A hub over an empty backend; on Google what reaches Firestore is counted."""
    if settings.firestore_emulator_host is None:
        with _counted(settings) as journey:
            yield journey
        return
    from infra.bench.firestore import FirestoreMeter  # noqa: PLC0415 - Google's libraries take a second
    from infra.bench.forwarding import forwarding  # noqa: PLC0415 - Google's libraries take a second

    meter = FirestoreMeter()
    with (
        forwarding(settings.firestore_emulator_host, meter.watch) as address,
        _counted(settings.model_copy(update={"firestore_emulator_host": address}), meter) as journey,
    ):
        yield journey


@contextmanager
def _counted(settings: Settings, meter: Meter | None = None) -> Iterator[Journey]:
    deps = bootstrap(settings)
    try:
        yield Journey(deps, meter=meter)
    finally:
        close(deps)


def _walked(journey: Journey) -> Iterator[Row]:
    journey.write(chat=1, number=1)
    journey.hire_echo()
    journey.write(chat=2, number=1)
    cost = journey.write(chat=1, number=2)
    yield _row("a message of somebody known", cost.inbound, Cost(1, 1, 3, 4))
    yield _row("… its answer: reply, enqueue and deliver", cost.answer, Cost(reads=3, commits=3))
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
    text = str(budget) if counted else f"{budget.reads} reads, {budget.commits} commits"
    return Row(what, str(cost), f"≤ {text}", trips and (documents or not counted), counted=True)
