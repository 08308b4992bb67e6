"""Memory for large bodies: a process works on so many bytes of them at once, whoever sends them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from shared.errors import Overloaded

RETRY_SECONDS = 1.0


class BodyMemory:
    """Counts bodies of more than `uncounted` bytes, so that the usual ones never wait for large ones."""

    def __init__(self, total: int, uncounted: int) -> None:
        self._free = total
        self._uncounted = uncounted
        self._lock = threading.Lock()

    @contextmanager
    def reserved(self, size: int) -> Iterator[None]:
        """Work on a body of that length; raises `Overloaded` while others take up what there is."""
        if size <= self._uncounted:
            yield
            return
        with self._lock:
            if size > self._free:
                raise Overloaded("Too many large calls are being worked on; try again", RETRY_SECONDS)
            self._free -= size
        try:
            yield
        finally:
            with self._lock:
                self._free += size
