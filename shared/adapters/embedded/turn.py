"""One event's turn with its consumer."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Turn:
    """Over when the consumer has returned and all that it published is durable: it need not wait for that itself.

    `over` is then called, by whoever comes last, with the first failure or None.
    """

    def __init__(self, over: Callable[[Exception | None], None]) -> None:
        self._over = over
        self._lock = threading.Lock()
        self._open = 1
        self._failure: Exception | None = None

    def begin(self) -> None:
        """Something more has to end before the turn is over."""
        with self._lock:
            self._open += 1

    def end(self, failure: Exception | None = None) -> None:
        """What `begin` told of has ended, or the consumer has returned; `failure` is why it did not succeed."""
        with self._lock:
            self._open -= 1
            self._failure = self._failure or failure
            is_over = self._open == 0
        if is_over:
            self._over(self._failure)
