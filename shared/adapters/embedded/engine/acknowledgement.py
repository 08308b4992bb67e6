"""When an event may be acknowledged: its consumer does not wait for what it publishes, so somebody has to count."""

from __future__ import annotations

import threading
from collections.abc import Callable


class PendingAcknowledgement:
    """Counts what is left to do for an event: its consumer, and each event that the consumer published.

    When nothing is left, `on_complete` is called once, by the thread that finished last, with the first failure or
    None.
    """

    def __init__(self, on_complete: Callable[[Exception | None], None]) -> None:
        self._on_complete = on_complete
        self._lock = threading.Lock()
        self._unfinished = 1  # the consumer
        self._failure: Exception | None = None

    def add(self) -> None:
        """One more write has to become durable first."""
        with self._lock:
            self._unfinished += 1

    def finish(self, failure: Exception | None = None) -> None:
        """The consumer has returned, or one write is durable; `failure` is why it did not succeed."""
        with self._lock:
            self._unfinished -= 1
            self._failure = self._failure or failure
            is_complete = self._unfinished == 0
        if is_complete:
            self._on_complete(self._failure)
