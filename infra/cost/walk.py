"""One message and its reply, walked through the hub in one thread, with everything counted that is paid for."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from infra.bench.counting import CountingStore
from infra.bench.journey import Journey
from infra.cost.weighing import (
    REQUEST_LOG_BYTES,
    Amounts,
    CountedSecrets,
    WeighingBus,
    lines_and_spans,
)
from infra.deployables import load
from shared.bootstrap import bootstrap, close
from shared.cache import TTLCache
from shared.config import Settings
from shared.logs import tracing

# With the front `single`; with `split` the webhook has a function of its own, which is smaller.
FUNCTIONS = {"webhook": "hub", "inbound": "normalize", "reply": "reply", "deliver": "deliver"}
# https://cloud.google.com/run/pricing: billed time is rounded up to this.
_LEAST_SECONDS = 0.1
_HOUR = 3600.0


def busy(settings: Settings, messages: int = 200) -> Amounts:
    """What a message takes where many come: warm caches, and instances whose every place is taken.

    The processor's time is the mean of that many messages, measured on this machine, with SQLite in place of Google's
    clients. Where a request waits longer in its place than it works, the share of the place is what counts.
    """
    counted = _counted(settings, cold=False)
    worked = _processor_seconds(settings, messages)
    for step, function in FUNCTIONS.items():
        place = _waits(settings, step) / load().functions[function].concurrency
        _run(counted, function, max(worked[step], place))
    return counted


def alone(settings: Settings) -> Amounts:
    """What a message takes that nothing else is near: no cache knows anything, and no request shares its instance.

    Each request takes the least time that is billed.
    """
    counted = _counted(settings, cold=True)
    for step, function in FUNCTIONS.items():
        _run(counted, function, _LEAST_SECONDS + _waits(settings, step))
    return counted


def _waits(settings: Settings, step: str) -> float:
    """Seconds: an answer waits for what else the customer may say."""
    return settings.reply_debounce_seconds if step == "reply" else 0.0


def _run(counted: Amounts, function: str, seconds: float) -> None:
    row = load().functions[function]
    amount, unit = float(row.memory[:-2]), row.memory[-2:]
    counted["run_vcpu_seconds"] += seconds * row.cpu
    counted["run_gib_seconds"] += seconds * amount / (1024 if unit == "Mi" else 1)


@contextmanager
def _journey(settings: Settings, counted: Amounts, seconds: list[float]) -> Iterator[Journey]:
    deps = bootstrap(settings)
    try:
        cache = TTLCache(lambda: seconds[0])
        store = CountingStore(deps.store)
        secrets = CountedSecrets(deps.secrets, counted)
        yield Journey(replace(deps, store=store, cache=cache, secrets=secrets), bus=WeighingBus(counted))
    finally:
        close(deps)


def _counted(settings: Settings, cold: bool) -> Amounts:
    counted = Amounts(float)
    seconds = [0.0]
    folder = settings.data_dir / ("cold" if cold else "warm")
    with _journey(settings.model_copy(update={"data_dir": folder}), counted, seconds) as journey:
        journey.write(chat=1, number=1)
        journey.hire_echo()
        journey.write(chat=2, number=1)
        counted.clear()
        before = journey.store.spent
        with lines_and_spans(counted):
            for step in journey.steps(chat=1, number=2).values():
                # Two functions share no cache.
                seconds[0] += _HOUR if cold else 0.0
                with tracing():
                    step()
        spent = journey.store.spent - before
    counted["firestore_reads"] = spent.documents_read
    counted["firestore_writes"] += spent.documents_written - spent.documents_deleted
    counted["firestore_deletes"] = spent.documents_deleted
    counted["run_requests"] += 1  # the webhook; the bus has counted the pushes
    counted["request_log_bytes"] = REQUEST_LOG_BYTES * counted["run_requests"]
    counted["trace_spans"] += counted["run_requests"]
    counted["trace_spans"] *= settings.trace_ratio
    return counted


def _processor_seconds(settings: Settings, messages: int) -> dict[str, float]:
    settings = settings.model_copy(update={"data_dir": settings.data_dir / "timed"})
    unused = Amounts(float)
    with _journey(settings, unused, [0.0]) as journey, lines_and_spans(unused):
        for chat in range(1, messages + 1):
            journey.write(chat, number=1)
        journey.hire_echo()
        journey.write(chat=messages + 1, number=1)
        seconds = dict.fromkeys(FUNCTIONS, 0.0)
        for chat in range(1, messages + 1):
            for name, step in journey.steps(chat, number=2).items():
                started = time.process_time()
                step()
                seconds[name] += (time.process_time() - started) / messages
    return seconds
