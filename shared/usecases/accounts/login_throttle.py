"""Slowing down whoever guesses passwords: few for an account from one address, more from all together.

Wrong passwords from elsewhere therefore do not keep the account's owner out,
unless they come from many addresses at once.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from contextlib import AbstractContextManager
from datetime import datetime, timedelta

from shared.deps import Deps
from shared.errors import AlreadyExists, Conflict, TooManyRequests
from shared.ports.store import Create, Delete, Document, Ref, Set, Write
from shared.security.tokens import fingerprint
from shared.usecases.retrying import decide

MAX_FAILURES, MAX_FAILURES_OF_ALL = 10, 100
WINDOW = timedelta(minutes=15)

# Guesses at one account are checked one after the other, so that a burst of
# them cannot slip through before the first is counted. Right passwords wait, too, but are never refused for it.
_lanes = tuple(threading.Lock() for _ in range(256))


def lane(account: str) -> AbstractContextManager[bool]:
    """Hold this while an account's password is checked and the failure counted; `account` is a hash in hex."""
    return _lanes[int(account[:2], 16)]


def bounds(account: str, address: str) -> dict[Ref, int]:
    """Where wrong passwords for the account from the address are counted, and how many are let pass there."""
    return {
        Ref("login_failures", fingerprint(f"{account} {address}")): MAX_FAILURES,
        Ref("login_failures", account): MAX_FAILURES_OF_ALL,
    }


def refuse_throttled(deps: Deps, limits: Mapping[Ref, int], found: Mapping[Ref, Document]) -> None:
    """Raise `TooManyRequests` when there have been too many wrong passwords lately."""
    for ref, most in limits.items():
        recent = _recent(deps, found.get(ref))
        if len(recent) >= most:
            wait = recent[-most] + WINDOW - deps.now()
            raise TooManyRequests("Too many wrong passwords; try again later", wait.total_seconds())


def count_failure(deps: Deps, limits: Mapping[Ref, int]) -> None:
    """Remember a wrong password; counts of other processes are not lost."""

    def attempt() -> None:
        found = deps.store.get(list(limits))
        try:
            deps.store.commit([_counted(deps, ref, found.get(ref), most) for ref, most in limits.items()])
        except AlreadyExists as error:
            raise Conflict(error.ref) from None

    decide(attempt)


def _counted(deps: Deps, ref: Ref, known: Document | None, most: int) -> Write:
    now = deps.now()
    data = {"failed_at": [*_recent(deps, known), now][-most:], "expires_at": now + WINDOW}
    return Set(ref, data, known.version) if known else Create(ref, data)


def forget_failures(deps: Deps, limits: Mapping[Ref, int], found: Mapping[Ref, Document]) -> None:
    """The right password was given."""
    if counted := [ref for ref in limits if ref in found]:
        deps.store.commit([Delete(ref) for ref in counted])


def _recent(deps: Deps, failures: Document | None) -> list[datetime]:
    since = deps.now() - WINDOW
    return [moment for moment in failures.data["failed_at"] if moment > since] if failures else []
