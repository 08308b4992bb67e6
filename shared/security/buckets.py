"""How much somebody may do in a while, counted in this process's memory."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from shared.errors import TooManyRequests


@dataclass(frozen=True, slots=True)
class Rate:
    """Up to `per_minute` at once, and then as many a minute; `name` tells it from other rates."""

    name: str
    per_minute: int


@dataclass(slots=True)
class _Bucket:
    """`level` is how many tokens there were at `since`. The rest is for `settle` and `drain`."""

    level: float
    since: float
    spent: int = 0
    period: str = ""
    former_total: int = 0


class Buckets:
    """One token bucket per rate and key, refilled steadily; `clock` gives seconds.

    Every process counts for itself, and by `settle` and `drain` processes can take off what others gave out.
    The `size` last used are kept; one that was let go begins anew, full.
    """

    def __init__(self, clock: Callable[[], float], size: int = 20_000) -> None:
        self._clock = clock
        self._size = size
        self._buckets: OrderedDict[tuple[str, str], _Bucket] = OrderedDict()
        self._lock = threading.Lock()

    def charge(self, rate: Rate, key: str, count: float = 1.0) -> None:
        """Take so many tokens; raises `TooManyRequests` when there are not as many."""
        wait = self.take(rate, key, count)
        if wait:
            raise TooManyRequests("Too many requests; slow down", retry_after=wait)

    def take(self, rate: Rate, key: str, count: float = 1.0) -> float:
        """Take so many tokens; returns 0, or after how many seconds there are as many when there are not.

        What costs more than a minute's tokens is let through on a full bucket.
        """
        count = min(count, float(rate.per_minute))
        with self._lock:
            bucket = self._filled(rate, key)
            missing = max(0.0, count - bucket.level)
            if not missing:
                bucket.level -= count
                bucket.spent += round(count)
        return missing * 60 / rate.per_minute

    def give_back(self, rate: Rate, key: str, count: float) -> None:
        """Return tokens that were taken; a bucket never holds more than a minute's."""
        with self._lock:
            bucket = self._filled(rate, key)
            bucket.level = min(float(rate.per_minute), bucket.level + count)

    def settle(self, rate: Rate, key: str, at_least: int) -> int:
        """How many tokens were taken since the last time, as soon as these are `at_least`, else 0."""
        with self._lock:
            bucket = self._filled(rate, key)
            if bucket.spent < at_least:
                return 0
            spent, bucket.spent = bucket.spent, 0
            return spent

    def drain(self, rate: Rate, key: str, period: str, total: int, own: int) -> None:
        """Take off what others took: of the `total` of all in a period before `own` was added, what is new here."""
        with self._lock:
            bucket = self._filled(rate, key)
            former_total = bucket.former_total if bucket.period == period else 0
            bucket.level = max(-float(rate.per_minute), bucket.level - max(0, total - former_total))
            bucket.period, bucket.former_total = period, total + own

    def _filled(self, rate: Rate, key: str) -> _Bucket:
        """The bucket as it is now."""
        slot = (rate.name, key)
        now = self._clock()
        full = float(rate.per_minute)
        bucket = self._buckets.setdefault(slot, _Bucket(full, now))
        bucket.level = min(full, bucket.level + (now - bucket.since) * full / 60)
        bucket.since = now
        self._buckets.move_to_end(slot)
        while len(self._buckets) > self._size:
            self._buckets.popitem(last=False)
        return bucket
