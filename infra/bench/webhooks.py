"""Requests per second of the webhooks function against a function that does nothing, in turns."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from infra.bench.backends import Environment
from infra.bench.journey import Journey
from infra.bench.load import Load, apply
from infra.bench.processes import HELLO, ROOT, first_answer, framework_served, served
from shared.bootstrap import bootstrap, close, ensure_emulated_topics
from shared.config import load_settings

ROUNDS = 4
SECONDS = 2.5
CONNECTIONS = 16


@dataclass(frozen=True, slots=True)
class Throughput:
    """Requests per second, the median of the rounds; `ratio` is the median of the rounds' ratios."""

    webhooks: float
    hello: float
    ratio: float


def prepare(environment: Environment) -> str:
    """Make a hub's data with one Telegram bot; returns the path of its webhook."""
    settings = load_settings(environment)
    ensure_emulated_topics(settings)
    deps = bootstrap(settings)
    try:
        return Journey(deps).webhook_path
    finally:
        close(deps)


def measure(environment: Environment, path: str, log: Path) -> Throughput:
    """Both run all the time; in each round each gets the same load for the same time.

    `environment` is what `prepare` was given, `path` what it returned.
    """
    rounds = []
    with _both(environment, path, log) as (hello, webhooks):
        for number in range(ROUNDS + 1):
            first = 1 + number * 1_000_000
            rounds.append((_rate(webhooks, path, first), _rate(hello, path, first)))
    counted = rounds[1:]  # the first one warms up
    ratio = median(function / hello for function, hello in counted)
    return Throughput(median(function for function, _ in counted), median(hello for _, hello in counted), ratio)


@contextmanager
def _both(environment: Environment, path: str, log: Path) -> Iterator[tuple[int, int]]:
    with ExitStack() as stack:
        hello = stack.enter_context(framework_served(HELLO, environment, log))
        webhooks = stack.enter_context(served(ROOT / "functions/webhooks/main.py", environment, log))
        for port in (hello, webhooks):
            first_answer(port, "POST", path, {"update_id": 1})
        yield hello, webhooks


def _rate(port: int, path: str, first: int) -> float:
    result = apply(Load(port, path, CONNECTIONS, seconds=SECONDS, first=first))
    if result.refused:
        raise RuntimeError(f"{result.refused} requests were refused")
    return result.per_second
