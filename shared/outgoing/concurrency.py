"""How many requests of this process may call other systems at once: each occupies a thread until they answer."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from shared.errors import Overloaded

RETRY_SECONDS = 5.0
"""When to try again after a refusal; most providers answer sooner."""

QUICK_SECONDS = 2.0
"""What has taken longer may hang."""


class _Request:
    """The request that a thread serves: its tenant (empty while unknown), and the limits that it holds a slot of."""

    __slots__ = ("slot_of", "tenant_id")

    def __init__(self) -> None:
        self.tenant_id = ""
        self.slot_of: ConcurrencyLimits | None = None


_current: ContextVar[_Request | None] = ContextVar("request", default=None)
_worked_for: ContextVar[str] = ContextVar("worked for", default="")


def begin_request() -> None:
    """This thread begins to serve a request whose tenant is not known yet.

    A slot that the thread's former request still holds is released: nobody else could.
    """
    release_slot()
    _current.set(_Request())


def set_tenant(tenant_id: str) -> None:
    """Set the tenant of the request, as long as it holds no slot."""
    request = _current.get()
    if request is not None and request.slot_of is None:
        request.tenant_id = tenant_id


@contextmanager
def working_for(tenant_id: str) -> Iterator[None]:
    """What this thread does meanwhile it does for that tenant; a consumer's event has no request."""
    token = _worked_for.set(tenant_id)
    try:
        yield
    finally:
        _worked_for.reset(token)


def current_tenant() -> str:
    """For whom this thread works; empty while nobody knows."""
    request = _current.get()
    return request.tenant_id if request is not None else _worked_for.get()


def release_slot() -> None:
    """Release the request's slot before it does something long that calls nobody."""
    request = _current.get()
    if request is not None and request.slot_of is not None:
        request.slot_of.release(request.tenant_id)
        request.slot_of = None


def end_request() -> None:
    """The request is answered."""
    release_slot()
    _current.set(None)


class Slots:
    """How many threads of this process do something for the same key at once.

    As long as what it does is quick, it may take three quarters of the threads; a quarter once that takes long, so that
    others need not wait for whom it hangs on.
    """

    def __init__(self, threads: int, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._most_quick = max(1, threads * 3 // 4)
        self._most_slow = max(1, threads // 4)
        self._monotonic = monotonic
        self._began: dict[str, list[float]] = {}
        self._lock = threading.Lock()

    @contextmanager
    def slot(self, key: str) -> Iterator[bool]:
        """Take a slot; False when there is none."""
        with self._lock:
            now = self._monotonic()
            has_slot = self._has_slot(self._began.get(key, []), now)
            if has_slot:
                self._began.setdefault(key, []).append(now)
        try:
            yield has_slot
        finally:
            if has_slot:
                self._leave(key, now)

    def _has_slot(self, began: list[float], now: float) -> bool:
        is_quick = not began or now - began[0] < QUICK_SECONDS
        return len(began) < (self._most_quick if is_quick else self._most_slow)

    def _leave(self, key: str, began_at: float) -> None:
        with self._lock:
            self._began[key].remove(began_at)
            if not self._began[key]:
                del self._began[key]


class ConcurrencyLimits:
    """Slots for calls to other systems: half of the threads for one tenant, three quarters for all together.

    Only requests need a slot; they keep that of their first call, so that none is
    refused half-way. Consumers of the bus have threads of their own.
    """

    def __init__(self, threads: int) -> None:
        self._per_tenant = max(1, threads // 2)
        self._total = max(1, threads * 3 // 4)
        self._in_use: Counter[str] = Counter()
        self._lock = threading.Lock()

    def acquire(self) -> None:
        """Take a slot for the current request unless it has one; raises `Overloaded`."""
        request = _current.get()
        if request is None or request.slot_of is not None:
            return
        with self._lock:
            if self._in_use[request.tenant_id] >= self._per_tenant or self._in_use.total() >= self._total:
                raise Overloaded("Too many requests wait for other systems; try again", RETRY_SECONDS)
            self._in_use[request.tenant_id] += 1
        request.slot_of = self

    def release(self, tenant_id: str) -> None:
        """Return a slot that a request of this tenant has taken."""
        with self._lock:
            self._in_use[tenant_id] -= 1
            if not self._in_use[tenant_id]:
                del self._in_use[tenant_id]
