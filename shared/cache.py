"""A small in-process cache whose entries grow old."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import TypeVar

T = TypeVar("T")


class TTLCache:
    """Keeps up to `size` values for `ttl` seconds; `clock` gives seconds. Absence (None) is never kept."""

    def __init__(self, clock: Callable[[], float], ttl: float = 30.0, size: int = 10_000) -> None:
        self._clock = clock
        self._ttl = ttl
        self._size = size
        self._entries: OrderedDict[Hashable, tuple[float, object]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable, load: Callable[[], T]) -> T:
        """Return the kept value, or load and keep it."""
        entry = self._entries.get(key)
        if entry is not None and entry[0] > self._clock():
            return entry[1]  # type: ignore[return-value]  # one key always holds one type
        value = load()
        if value is not None:
            self._keep(key, value)
        return value

    def _keep(self, key: Hashable, value: object) -> None:
        with self._lock:
            self._entries[key] = (self._clock() + self._ttl, value)
            self._entries.move_to_end(key)
            while len(self._entries) > self._size:
                self._entries.popitem(last=False)

    def forget(self, *keys: Hashable) -> None:
        """Drop entries, because what they were made of has changed."""
        with self._lock:
            for key in keys:
                self._entries.pop(key, None)
