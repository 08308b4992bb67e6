"""When the next message may go to a provider that takes only so many, counted in this process's memory."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass

from shared import pseudorandom

_JITTER = 0.2
"""How much later than its turn a message may come, as a part of the interval: machines are known by their beat."""


@dataclass(frozen=True, slots=True)
class Limit:
    """Messages of one `key` go at least `interval` seconds apart; after a rest `burst` of them may go at once."""

    key: str
    interval: float
    burst: int = 1


@dataclass(slots=True)
class _Line:
    """Times in seconds: `counted` is when all that went would have gone at the proper `interval`.

    `queue` is the next turn to give to a newcomer, `late` to one whose turn came
    and could not be used; `paused` is until when nothing goes.
    """

    interval: float = 0.0
    counted: float = 0.0
    queue: float = 0.0
    late: float = 0.0
    paused: float = 0.0


class Pacer:
    """Gives every message its turn without making anybody wait for it here.

    What cannot go now is told when to ask again. Only a message that goes is
    counted, so turns that nobody takes cost nothing. Every process counts for
    itself; the `size` lines last used are kept.
    """

    def __init__(self, size: int = 20_000) -> None:
        self._size = size
        self._lines: OrderedDict[str, _Line] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, account: Limit, chat: Limit | None, now: float, *, waited: bool) -> float:
        """Count a message that goes now and return 0, or return after how many seconds to ask again.

        `waited` says that the message was told to ask again before: newcomers go behind those that were.
        """
        with self._lock:
            lines = [(self._line_at(account), account)]
            if chat is not None:
                lines.append((self._line_at(chat), chat))
                ready = _ready(*lines[1])
                if ready > now:
                    return ready - now
            turn = _turn(*lines[0], now, waited)
            if turn > now:
                return turn - now + pseudorandom.uniform(0, _JITTER * account.interval)
            for line, limit in lines:
                line.counted = max(line.counted, now) + limit.interval
        return 0.0

    def pause(self, key: str, until: float) -> None:
        """Let nothing of that key go before then, because the provider said so."""
        with self._lock:
            line = self._line(key)
            line.paused = max(line.paused, until)

    def _line_at(self, limit: Limit) -> _Line:
        """The line of that key; what was counted and promised at another interval says nothing about this one."""
        line = self._line(limit.key)
        if line.interval != limit.interval:
            line.interval, line.counted, line.queue, line.late = limit.interval, 0.0, 0.0, 0.0
        return line

    def _line(self, key: str) -> _Line:
        line = self._lines.setdefault(key, _Line())
        self._lines.move_to_end(key)
        while len(self._lines) > self._size:
            self._lines.popitem(last=False)
        return line


def _ready(line: _Line, limit: Limit) -> float:
    """When the next one may go: what was saved up by resting is spent first."""
    return line.counted - (limit.burst - 1) * limit.interval


def _turn(line: _Line, limit: Limit, now: float, waited: bool) -> float:
    ready = max(_ready(line, limit), line.paused)
    if waited:
        # As much too early as the one before may have been late.
        if max(_ready(line, limit) - _JITTER * limit.interval, line.paused) <= now:
            return now
        turn = max(ready, line.late)
        line.late = turn + limit.interval
        return turn
    turn = max(ready, line.queue)
    if turn > now:
        line.queue = turn + limit.interval
    return turn
