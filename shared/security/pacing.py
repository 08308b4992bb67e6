"""When the next message may go to a provider that takes only so many, counted in this process's memory."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass

from shared import pseudorandom

_JITTER = 0.2
"""How much later than its turn a message may go, as a part of the interval: an exact rhythm looks like a machine."""


@dataclass(frozen=True, slots=True)
class Limit:
    """Messages of one `key` go at least `interval` seconds apart; after a rest `burst` of them may go at once."""

    key: str
    interval: float
    burst: int = 1


@dataclass(slots=True)
class _Schedule:
    """Times in seconds. `counted` is when all sent messages would have gone at exactly `interval`.

    `queue` is the next turn of a message that asks for the first time, `late` that
    of one that could not use its turn; nothing goes before `paused`.
    """

    interval: float = 0.0
    counted: float = 0.0
    queue: float = 0.0
    late: float = 0.0
    paused: float = 0.0


class Pacer:
    """Assigns each message a turn without blocking.

    A message that cannot go now gets the seconds after which to ask again. Only
    messages that go are counted, so unused turns cost nothing. Every process
    counts for itself, and keeps the `size` schedules last used.
    """

    def __init__(self, size: int = 20_000) -> None:
        self._size = size
        self._schedules: OrderedDict[str, _Schedule] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, account: Limit, chat: Limit | None, now: float, *, waited: bool) -> float:
        """Count a message that goes now and return 0, or return after how many seconds to ask again.

        `waited` says that the message was told to ask again before: newcomers go behind those that were.
        """
        with self._lock:
            schedules = [(self._schedule_at(account), account)]
            if chat is not None:
                schedules.append((self._schedule_at(chat), chat))
                ready = _ready(*schedules[1])
                if ready > now:
                    return ready - now
            turn = _turn(*schedules[0], now, waited)
            if turn > now:
                return turn - now + pseudorandom.uniform(0, _JITTER * account.interval)
            for schedule, limit in schedules:
                schedule.counted = max(schedule.counted, now) + limit.interval
        return 0.0

    def pause(self, key: str, until: float) -> None:
        """Let nothing of that key go before `until`, as the provider asked."""
        with self._lock:
            schedule = self._schedule(key)
            schedule.paused = max(schedule.paused, until)

    def _schedule_at(self, limit: Limit) -> _Schedule:
        """The schedule of that key; a change of the interval begins a new one."""
        schedule = self._schedule(limit.key)
        if schedule.interval != limit.interval:
            schedule.interval, schedule.counted, schedule.queue, schedule.late = limit.interval, 0.0, 0.0, 0.0
        return schedule

    def _schedule(self, key: str) -> _Schedule:
        schedule = self._schedules.setdefault(key, _Schedule())
        self._schedules.move_to_end(key)
        while len(self._schedules) > self._size:
            self._schedules.popitem(last=False)
        return schedule


def _ready(schedule: _Schedule, limit: Limit) -> float:
    """When the next one may go; a burst that was saved up comes first."""
    return schedule.counted - (limit.burst - 1) * limit.interval


def _turn(schedule: _Schedule, limit: Limit, now: float, waited: bool) -> float:
    ready = max(_ready(schedule, limit), schedule.paused)
    if waited:
        # As much too early as the one before may have been late.
        if max(_ready(schedule, limit) - _JITTER * limit.interval, schedule.paused) <= now:
            return now
        turn = max(ready, schedule.late)
        schedule.late = turn + limit.interval
        return turn
    turn = max(ready, schedule.queue)
    if turn > now:
        schedule.queue = turn + limit.interval
    return turn
