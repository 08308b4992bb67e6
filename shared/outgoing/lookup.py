"""Looking a host up with an end to it: the system's own call has none that can be set."""

from __future__ import annotations

import threading
from ipaddress import ip_address
from queue import Empty, SimpleQueue

from shared.security.addresses import Resolve

LONGEST = 5.0
"""Seconds that a look-up may take."""

AT_ONCE = 32
"""Look-ups under way; one that was given up still holds its thread until the system lets go of it."""


class Lookup:
    """Looks hosts up by `resolve`, each on a thread of its own, so that a caller can stop waiting."""

    def __init__(self, resolve: Resolve) -> None:
        self._resolve = resolve
        self._free = threading.BoundedSemaphore(AT_ONCE)

    def addresses(self, host: str, port: int, patience: float) -> list[str]:
        """The host's addresses; raises `OSError` or `UnicodeError` when there are none within `patience` seconds."""
        if _is_address(host):
            return self._resolve(host, port)
        if not self._free.acquire(blocking=False):
            raise OSError("too many hosts are being looked up")
        outcomes: SimpleQueue[list[str] | OSError | UnicodeError] = SimpleQueue()
        threading.Thread(target=self._look, args=(host, port, outcomes), name="lookup", daemon=True).start()
        try:
            outcome = outcomes.get(timeout=min(patience, LONGEST))
        except Empty:
            raise TimeoutError("the look-up took too long") from None
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def _look(self, host: str, port: int, outcomes: SimpleQueue[list[str] | OSError | UnicodeError]) -> None:
        try:
            outcomes.put(self._resolve(host, port))
        except (OSError, UnicodeError) as error:
            outcomes.put(error)
        finally:
            self._free.release()


def _is_address(host: str) -> bool:
    try:
        ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True
