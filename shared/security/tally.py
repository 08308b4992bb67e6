"""Counting what happens often and is written down seldom."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(slots=True)
class _Entry:
    count: int
    written_at: datetime


class Tally:
    """Counts per key in this process, and hands a key's count out at most once in `interval`.

    It keeps the `size` keys last used; what was not handed out of others is lost.
    """

    def __init__(self, interval: timedelta = timedelta(minutes=1), size: int = 10_000) -> None:
        self._interval = interval
        self._size = size
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._lock = threading.Lock()

    def add(self, key: str, now: datetime) -> int:
        """Count one; returns how many to write down now, or 0 while it is too early for that."""
        with self._lock:
            entry = self._entries.setdefault(key, _Entry(0, now - self._interval))
            self._entries.move_to_end(key)
            while len(self._entries) > self._size:
                self._entries.popitem(last=False)
            entry.count += 1
            if now - entry.written_at < self._interval:
                return 0
            count, entry.count, entry.written_at = entry.count, 0, now
            return count
