"""How the always-on processes take events, and how they end."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from shared.domain.events import Event
from shared.logs import tracing
from shared.ports.bus import Consumer

STOP_SECONDS = 6.5
"""Of the ten seconds that Cloud Run grants after SIGTERM: for requests, and then for what is being sent."""


def traced(consume: Callable[..., None]) -> Consumer:
    """A consumer whose log lines and spans belong to the request that the event comes from."""

    def consume_traced(event: Event) -> None:
        with tracing(event.request_id, event.traceparent, kind="consumer", span=type(event).__name__):
            consume(event)

    return consume_traced


def stop_all(stops: list[Callable[[], None]]) -> None:
    """Run all at the same time: each may wait for seconds, and together they have only a few."""
    threads = [threading.Thread(target=stop, name="stop", daemon=True) for stop in stops]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + STOP_SECONDS
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
