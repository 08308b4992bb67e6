"""Slowing down whoever guesses passwords, one account at a time."""

from __future__ import annotations

import threading
from contextlib import AbstractContextManager
from datetime import datetime, timedelta

from shared.deps import Deps
from shared.errors import AlreadyExists, Conflict, TooManyRequests
from shared.ports.store import Create, Delete, Document, Ref, Set
from shared.usecases.retrying import decide

MAX_FAILURES = 10
WINDOW = timedelta(minutes=15)

# Guesses at one account are checked one after the other, so that a burst of
# them cannot slip through before the first is counted. Right passwords wait, too, but are never refused for it.
_lanes = tuple(threading.Lock() for _ in range(256))


def lane(account: str) -> AbstractContextManager[bool]:
    """Hold this while an account's password is checked and the failure counted; `account` is a hash in hex."""
    return _lanes[int(account[:2], 16)]


def failures_ref(account: str) -> Ref:
    return Ref("login_failures", account)


def refuse_throttled(deps: Deps, failures: Document | None) -> None:
    """Raise `TooManyRequests` when the account has had too many wrong passwords lately."""
    recent = _recent(deps, failures)
    if len(recent) >= MAX_FAILURES:
        wait = recent[-MAX_FAILURES] + WINDOW - deps.now()
        raise TooManyRequests("Too many wrong passwords; try again later", wait.total_seconds())


def count_failure(deps: Deps, account: str) -> None:
    """Remember a wrong password; counts of other processes are not lost."""
    ref = failures_ref(account)

    def attempt() -> None:
        found = deps.store.get([ref]).get(ref)
        now = deps.now()
        data = {"failed_at": [*_recent(deps, found), now][-MAX_FAILURES:], "expires_at": now + WINDOW}
        try:
            deps.store.commit([Set(ref, data, found.version) if found else Create(ref, data)])
        except AlreadyExists:
            raise Conflict(ref) from None

    decide(attempt)


def forget_failures(deps: Deps, failures: Document | None) -> None:
    """The right password was given."""
    if failures is not None:
        deps.store.commit([Delete(failures.ref)])


def _recent(deps: Deps, failures: Document | None) -> list[datetime]:
    since = deps.now() - WINDOW
    return [moment for moment in failures.data["failed_at"] if moment > since] if failures else []
