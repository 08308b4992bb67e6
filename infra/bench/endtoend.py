"""From a webhook to the answer at the provider, through the whole hub as one process (`make serve`)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles
from typing import Any

from infra.bench.backends import Backend, Environment
from infra.bench.load import Load, apply
from infra.bench.processes import call, read_announcement, running

CONNECTIONS = 16
PATIENCE = 60.0


@dataclass(frozen=True, slots=True)
class Flow:
    """`sustained` is webhooks per second from the first webhook to the last answer. The latencies are milliseconds
    from a webhook's 2xx to its answer at the provider, at `pace` a second. `lost` and `doubled` are to be 0.
    """

    sustained: float
    pace: float
    p50: float
    p99: float
    lost: int
    doubled: int


def measure(backend: Backend, directory: Path) -> Flow:
    """Hub, provider and load are a process each; logs go into `directory`.

    Each webhook is of a customer who was never seen before: the dearest kind.
    """
    pressed = backend.pressure
    everything = pressed.flood + pressed.paced
    with _provider(directory) as provider, _hub(backend.empty("flow"), directory, provider) as (port, path):
        flood = apply(Load(port, path, CONNECTIONS, requests=pressed.flood))
        seen = _all_seen(provider, pressed.flood)
        last = max(times[0] for times in seen.values())
        paced = apply(Load(port, path, CONNECTIONS, requests=pressed.paced, rate=pressed.pace, first=1_000_000))
        seen = _all_seen(provider, everything)
    waits = sorted((seen[text][0] - at) * 1000 for text, at in paced.accepted.items() if text in seen)
    percentiles = quantiles(waits, n=100)
    return Flow(
        sustained=len(flood.accepted) / (last - flood.started),
        pace=pressed.pace,
        p50=percentiles[49],
        p99=percentiles[98],
        lost=everything - len(seen),
        doubled=sum(len(times) - 1 for times in seen.values()),
    )


@contextmanager
def _provider(directory: Path) -> Iterator[int]:
    with running(["-m", "infra.bench.provider"], {}, directory / "provider.log") as process:
        yield int(read_announcement(process, "port "))


@contextmanager
def _hub(environment: Environment, directory: Path, provider: int) -> Iterator[tuple[int, str]]:
    """A hub with a bot and an agent that echoes; gives its port and the path of the bot's webhook."""
    own = {"PORT": "0", "TELEGRAM_API_URL": f"http://127.0.0.1:{provider}"}
    with running(["-m", "infra.local.serve"], environment | own, directory / "hub.log") as process:
        port = int(read_announcement(process, "listening on ").rpartition(":")[2])
        owner = {"email": "owner@example.com", "password": "correct horse"}
        session = call(port, "POST", "/api/auth/register", owner)
        headers = {"authorization": f"Bearer {session['accessToken']}"}
        call(port, "POST", "/api/agents", {"name": "Echo"}, headers)
        bot = {"name": "Support", "type": "TELEGRAM_BOT", "config": {"botToken": "7:token", "pacePerSecond": 0}}
        channel = call(port, "POST", "/api/channels", bot, headers)
        yield port, f"/api/telegram/bot/webhook/{channel['id']}"


def _all_seen(provider: int, count: int) -> dict[str, list[float]]:
    """What the provider was sent, as soon as that is everything, or nothing has come for a while."""
    deadline = time.monotonic() + PATIENCE
    while call(provider, "GET", "/count") < count and time.monotonic() < deadline:
        time.sleep(0.1)
    time.sleep(0.5)  # time for a second copy to arrive, if there were one
    seen: Any = call(provider, "GET", "/seen")
    return dict(seen)
