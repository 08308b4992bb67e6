"""Requests of this process that wait until an instance is connected.

All that wait for one instance share one slow poll of the store, which sees the
changes of other processes; a change that this process makes wakes them at once.
Each blocks one of the process's threads, so half of them may wait for long, of
which no tenant gets all; a quarter may wait briefly, so that a client that has
to ask again does not do so at once.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from shared.deps import Deps
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.instances import Instance, InstanceStatus

POLL_SECONDS = 1.5


@dataclass(slots=True)
class _Watch:
    waiters: int = 0
    next_poll: float = 0.0
    connected: bool = False


_changed = threading.Condition()
_watches: dict[str, _Watch] = {}
_long_waits: Counter[str] = Counter()
_brief_waits: Counter[str] = Counter()
"""How many requests of each tenant wait for long, and how many briefly."""


def until_connected(deps: Deps, instance: Instance, seconds: float) -> bool:
    """Wait up to `seconds`, shorter when too many wait already; whether the instance is connected then."""
    with _slot(instance.tenant_id, deps.settings.threads, seconds) as patience, _watching(instance.id) as watch:
        deadline = time.monotonic() + patience
        while _may_poll(watch, deadline):
            if _is_connected(deps, instance.id):
                _set_connected(watch)
        return watch.connected


def wake(instance_id: str) -> None:
    """Have the store polled now, because the instance's state has changed."""
    with _changed:
        watch = _watches.get(instance_id)
        if watch is not None:
            watch.next_poll = 0.0
            _changed.notify_all()


def count() -> int:
    """How many wait in this process."""
    with _changed:
        return sum(watch.waiters for watch in _watches.values())


@contextmanager
def _slot(tenant_id: str, threads: int, seconds: float) -> Iterator[float]:
    """Take a slot; yields for how many seconds."""
    with _changed:
        waits, patience = _free_slot(tenant_id, threads, seconds)
        waits[tenant_id] += 1
    try:
        yield patience
    finally:
        with _changed:
            waits[tenant_id] -= 1
            if not waits[tenant_id]:
                del waits[tenant_id]


def _free_slot(tenant_id: str, threads: int, seconds: float) -> tuple[Counter[str], float]:
    slots = max(1, threads // 2)
    if _long_waits.total() < slots and _long_waits[tenant_id] < slots - slots // 4:
        return _long_waits, seconds
    if _brief_waits.total() < slots // 2:
        return _brief_waits, min(seconds, POLL_SECONDS)
    return Counter(), 0.0


@contextmanager
def _watching(instance_id: str) -> Iterator[_Watch]:
    with _changed:
        watch = _watches.setdefault(instance_id, _Watch())
        watch.waiters += 1
    try:
        yield watch
    finally:
        with _changed:
            watch.waiters -= 1
            if watch.waiters == 0:
                del _watches[instance_id]


def _may_poll(watch: _Watch, deadline: float) -> bool:
    """Wait until this request is to poll the store; False when there is nothing left to wait for."""
    with _changed:
        while True:
            now = time.monotonic()
            if watch.connected or now >= deadline:
                return False
            if now >= watch.next_poll:
                watch.next_poll = now + POLL_SECONDS
                return True
            _changed.wait(min(deadline, watch.next_poll) - now)


def _set_connected(watch: _Watch) -> None:
    with _changed:
        watch.connected = True
        _changed.notify_all()


def _is_connected(deps: Deps, instance_id: str) -> bool:
    instance = UnitOfWork(deps.store).instances.of_any_tenant(instance_id)
    return instance is not None and instance.status is InstanceStatus.CONNECTED
