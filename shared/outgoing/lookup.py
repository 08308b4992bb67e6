"""Looking a host up with an end to it: the system's own call has none that can be set."""

from __future__ import annotations

import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import ip_address

from shared.outgoing.concurrency import current_tenant
from shared.security.addresses import Resolve

LONGEST = 5.0
"""Seconds that a look-up may take."""

AT_ONCE = 64
"""Look-ups under way; one that was given up still holds its thread until the system lets go of it."""

PER_TENANT = 8
"""Look-ups under way that one tenant has begun; with few left it may have as many as are left."""

FAILED_FOR = 5.0
"""Seconds for which a host that could not be looked up is not looked up again."""

_MOST_FAILURES = 1000

Name = tuple[str, int]


@dataclass(slots=True)
class _Pending:
    """A look-up under way, for all who want to know."""

    began: float
    done: threading.Event = field(default_factory=threading.Event)
    outcome: list[str] | OSError | UnicodeError = field(default_factory=list)


class Lookup:
    """Looks hosts up by `resolve`, each name once at a time, on threads of its own, so that callers can stop waiting.

    A name that hangs is refused at once until its look-up has ended, one that failed for a while.
    """

    def __init__(
        self, resolve: Resolve, *, per_tenant: int = PER_TENANT, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._resolve = resolve
        self._per_tenant = per_tenant
        self._clock = clock
        self._pending: dict[Name, _Pending] = {}
        self._begun_by: Counter[str] = Counter()
        self._failed_until: OrderedDict[Name, float] = OrderedDict()
        self._lock = threading.Lock()

    def addresses(self, host: str, port: int, patience: float) -> list[str]:
        """The host's addresses; raises `OSError` or `UnicodeError` when there are none within `patience` seconds."""
        if _is_address(host):
            return self._resolve(host, port)
        pending = self._joined(host, port)
        if not pending.done.wait(min(patience, LONGEST)):
            raise TimeoutError("the look-up took too long")
        if isinstance(pending.outcome, Exception):
            raise pending.outcome
        return pending.outcome

    def _joined(self, host: str, port: int) -> _Pending:
        """The look-up of that name that is under way, else a new one."""
        name, tenant_id = (host.rstrip(".").lower(), port), current_tenant()
        with self._lock:
            now = self._clock()
            if self._failed_until.get(name, now) > now:
                raise OSError("the host could not be looked up a moment ago")
            pending = self._pending.get(name)
            if pending is not None:
                if now - pending.began >= LONGEST:
                    raise TimeoutError("the look-up takes too long")
                return pending
            if not self._may_begin(tenant_id):
                raise OSError("too many hosts are being looked up")
            pending = self._pending[name] = _Pending(now)
            self._begun_by[tenant_id] += 1
        threading.Thread(target=self._look, args=(host, name, tenant_id, pending), name="lookup", daemon=True).start()
        return pending

    def _may_begin(self, tenant_id: str) -> bool:
        own, left = self._begun_by[tenant_id], AT_ONCE - len(self._pending)
        return own < min(self._per_tenant, max(left, 1)) and left > 0

    def _look(self, host: str, name: Name, tenant_id: str, pending: _Pending) -> None:
        try:
            pending.outcome = self._resolve(host, name[1])
        except (OSError, UnicodeError) as error:
            pending.outcome = error
        finally:
            with self._lock:
                del self._pending[name]
                self._begun_by[tenant_id] -= 1
                if not self._begun_by[tenant_id]:
                    del self._begun_by[tenant_id]
                if isinstance(pending.outcome, Exception):
                    self._note_failure(name)
            pending.done.set()

    def _note_failure(self, name: Name) -> None:
        self._failed_until[name] = self._clock() + FAILED_FOR
        self._failed_until.move_to_end(name)
        while len(self._failed_until) > _MOST_FAILURES:
            self._failed_until.popitem(last=False)


def _is_address(host: str) -> bool:
    try:
        ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True
