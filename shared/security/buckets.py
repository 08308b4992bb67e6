"""How much somebody may do in a while, counted in this process's memory."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rate:
    """Up to `per_minute` at once, and then as many a minute; `name` tells it from other rates."""

    name: str
    per_minute: int


class Buckets:
    """One token bucket per rate and key, refilled steadily; `clock` gives seconds.

    Every process counts for itself. The `size` last used are kept; one that was
    let go begins anew, full.
    """

    def __init__(self, clock: Callable[[], float], size: int = 20_000) -> None:
        self._clock = clock
        self._size = size
        self._levels: OrderedDict[tuple[str, str], tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, rate: Rate, key: str, count: float = 1.0) -> float:
        """Take so many tokens; returns 0, or after how many seconds there are as many when there are not.

        What costs more than a minute's tokens is let through on a full bucket.
        """
        count = min(count, float(rate.per_minute))
        per_second = rate.per_minute / 60
        slot = (rate.name, key)
        with self._lock:
            now = self._clock()
            level, since = self._levels.get(slot, (float(rate.per_minute), now))
            level = min(float(rate.per_minute), level + (now - since) * per_second)
            missing = max(0.0, count - level)
            self._levels[slot] = (level if missing else level - count, now)
            self._levels.move_to_end(slot)
            while len(self._levels) > self._size:
                self._levels.popitem(last=False)
        return missing / per_second

    def give_back(self, rate: Rate, key: str, count: float) -> None:
        """Return tokens that were taken; a bucket never holds more than a minute's."""
        slot = (rate.name, key)
        with self._lock:
            if slot in self._levels:
                level, since = self._levels[slot]
                self._levels[slot] = (min(float(rate.per_minute), level + count), since)
