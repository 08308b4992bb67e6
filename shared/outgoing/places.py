"""How many requests of this process may call out at once: each holds a thread for as long as the other side likes."""

from __future__ import annotations

import threading
from collections import Counter
from contextvars import ContextVar

from shared.errors import Overloaded

RETRY_SECONDS = 5.0
"""After which somebody who found no place may ask again; most providers answer sooner."""


class _Caller:
    """Whose request a thread is serving, and where that has a place; a stranger's tenant is the empty string."""

    __slots__ = ("places", "tenant_id")

    def __init__(self) -> None:
        self.tenant_id = ""
        self.places: Places | None = None


_caller: ContextVar[_Caller | None] = ContextVar("caller", default=None)


def begin() -> None:
    """Say that this thread begins to serve a request, so far of nobody known.

    The one before gives its place back if it still has it: nobody else could any more.
    """
    leave()
    _caller.set(_Caller())


def serve(tenant_id: str) -> None:
    """Say whose request it is."""
    caller = _caller.get()
    if caller is not None and caller.places is None:
        caller.tenant_id = tenant_id


def leave() -> None:
    """Give the request's place back, because it is going to do something else for long."""
    caller = _caller.get()
    if caller is not None and caller.places is not None:
        caller.places.release(caller.tenant_id)
        caller.places = None


def end() -> None:
    """Say that the request is answered."""
    leave()
    _caller.set(None)


class Places:
    """Places by tenant: one gets half as many as there are threads, all together get three quarters.

    Only who serves a request needs a place, and keeps the one of his first call,
    so that nothing is refused when half of it is done. What a bus delivers has
    threads of its own.
    """

    def __init__(self, threads: int) -> None:
        self._of_one = max(1, threads // 2)
        self._of_all = max(1, threads * 3 // 4)
        self._taken: Counter[str] = Counter()
        self._lock = threading.Lock()

    def take(self) -> None:
        """Take a place where one is needed; raises `Overloaded`."""
        caller = _caller.get()
        if caller is None or caller.places is not None:
            return
        with self._lock:
            if self._taken[caller.tenant_id] >= self._of_one or self._taken.total() >= self._of_all:
                raise Overloaded("Too many requests wait for other systems; try again", RETRY_SECONDS)
            self._taken[caller.tenant_id] += 1
        caller.places = self

    def release(self, tenant_id: str) -> None:
        """Give back a place that a request of this tenant took."""
        with self._lock:
            self._taken[tenant_id] -= 1
            if not self._taken[tenant_id]:
                del self._taken[tenant_id]
