"""Limits on wrong passwords: few for an account from one address, more from all addresses together.

Wrong passwords from other addresses therefore do not lock the account's owner
out, unless they come from many addresses at once. What an address may try for all
accounts together is counted apart from that, and only what is tried: an attempt
that is refused here costs the others at that address nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta

from shared.deps import Deps
from shared.documents.retry import run_with_retry
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.accounts import LoginFailures, User
from shared.errors import TooManyRequests
from shared.security.tokens import fingerprint
from shared.usecases import audit

MAX_FAILURES, MAX_FAILURES_OF_ALL = 10, 100
WINDOW = timedelta(minutes=15)

# Attempts at one account are checked one after the other, so that a burst of them cannot slip through before the first
# is counted. Right passwords wait, too, but are never refused for it.
_locks = tuple(threading.Lock() for _ in range(256))


def lock(account: str) -> AbstractContextManager[bool]:
    """Hold this while an account's password is checked and the failure counted; `account` is a hash in hex."""
    return _locks[int(account[:2], 16)]


def limits(account: str, address: str) -> dict[str, int]:
    """The counts of wrong passwords (ids of `login_failures`) that an attempt goes by, and how many each allows."""
    return {fingerprint(f"{account} {address}"): MAX_FAILURES, account: MAX_FAILURES_OF_ALL}


def check_not_refused(deps: Deps, count_limits: Mapping[str, int]) -> None:
    """Raise `TooManyRequests` for what this process refused lately, without asking the store once more."""
    for count_id in count_limits:
        until: datetime | None = deps.cache.get(_refusal(count_id), lambda: None)
        if until is not None:
            _refuse_until(until, deps.now())


def check_not_throttled(deps: Deps, unit: UnitOfWork, count_limits: Mapping[str, int]) -> None:
    """Raise `TooManyRequests` when there have been too many wrong passwords lately."""
    for count_id, limit in count_limits.items():
        recent = _recent(unit.login_failures.get(count_id), deps.now())
        if len(recent) >= limit:
            until = recent[-limit] + WINDOW
            _remember_refusal(deps, count_id, until)
            _refuse_until(until, deps.now())


def _refuse_until(until: datetime, now: datetime) -> None:
    if until > now:
        wait = until - now
        raise TooManyRequests("Too many wrong passwords; try again later", wait.total_seconds())


def _remember_refusal(deps: Deps, count_id: str, until: datetime) -> None:
    deps.cache.forget(_refusal(count_id))
    deps.cache.get(_refusal(count_id), lambda: until)


def _refusal(count_id: str) -> tuple[str, str]:
    return "refused-sign-in", count_id


def count_failure(deps: Deps, count_limits: Mapping[str, int], users: Sequence[User] = (), address: str = "") -> None:
    """Count a wrong password, without losing what other processes count, and note it in the audit log.

    `users` are those whose password it could have been, `address` is where it came from.
    """

    def attempt(unit: UnitOfWork) -> None:
        unit.login_failures.get_many(count_limits)
        now = deps.now()
        for count_id, limit in count_limits.items():
            failed_at = [*_recent(unit.login_failures.get(count_id), now), now][-limit:]
            unit.login_failures.put(LoginFailures(failed_at=failed_at, expires_at=now + WINDOW), count_id)
        for user in users:
            audit.sign_in_failed(deps, unit, user.tenant_id, user.id, address)
        if not users:
            audit.sign_in_failed(deps, unit, None, None, address)

    run_with_retry(deps, attempt)


def forget_failures(deps: Deps, count_ids: list[str]) -> None:
    """Delete these counts, because the right password was given."""
    unit = UnitOfWork(deps.store)
    for count_id in count_ids:
        unit.login_failures.remove(count_id)
    unit.commit()
    deps.cache.forget(*map(_refusal, count_ids))


def _recent(failures: LoginFailures | None, now: datetime) -> list[datetime]:
    since = now - WINDOW
    return [failed_at for failed_at in failures.failed_at if failed_at > since] if failures else []
