"""Requests of this process that wait for an instance's connection to change.

All that wait for one instance share one slow poll of the store, which sees the
changes of other processes; a change that this process makes wakes them at once.
Each keeps a thread, which is idle meanwhile, so `LONG_POLLS` of them may wait,
of which no tenant gets all.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from shared.deps import Deps
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.instances import Instance, InstanceStatus
from shared.idle_threads import idle

POLL_SECONDS = 1.5

_lock = threading.Lock()


class _Watch:
    """An instance as the last poll saw it, and who waits for it to change. One of those polls, and wakes the others."""

    def __init__(self, instance: Instance) -> None:
        self.instance = instance
        self.changed = threading.Condition(_lock)
        self.waiters = 0
        self.poller: object | None = None
        self.next_poll = 0.0

    def wait(self, waiter: object, is_over: Callable[[Instance], bool], deadline: float) -> bool:
        """Wait until it is for this waiter to poll; False when there is nothing left to wait for."""
        with _lock:
            while True:
                # Before anything else: a poller that left may have woken only this waiter.
                self.poller = self.poller or waiter
                now = time.monotonic()
                if is_over(self.instance) or now >= deadline:
                    return False
                if self.poller is not waiter:
                    self.changed.wait(deadline - now)
                elif now < self.next_poll:
                    self.changed.wait(min(deadline, self.next_poll) - now)
                else:
                    self.next_poll = now + POLL_SECONDS
                    return True

    def show(self, instance: Instance) -> None:
        with _lock:
            if instance != self.instance:
                self.instance = instance
                self.changed.notify_all()

    def leave(self, waiter: object) -> None:
        """Hand the polling on; the lock is held."""
        self.waiters -= 1
        if self.poller is waiter:
            self.poller = None
            self.changed.notify()


_watches: dict[str, _Watch] = {}
_waiting: Counter[str] = Counter()
"""How many requests of each tenant wait."""


def until(deps: Deps, instance: Instance, seconds: float, is_over: Callable[[Instance], bool]) -> Instance:
    """The instance as soon as `is_over` of it, or as it is after `seconds`; at once when too many wait already."""
    waiter = object()
    with _slot(instance.tenant_id, deps.settings.long_polls) as has_slot, _watching(instance, waiter) as watch:
        deadline = time.monotonic() + (seconds if has_slot else 0)
        with idle():
            while watch.wait(waiter, is_over, deadline):
                current = UnitOfWork(deps.store).instances.of_any_tenant(instance.id)
                if current is not None:
                    watch.show(current)
        return watch.instance


def is_connected(instance: Instance) -> bool:
    return instance.status is InstanceStatus.CONNECTED


def wake(instance_id: str) -> None:
    """Have the store polled now, because the instance has changed."""
    with _lock:
        watch = _watches.get(instance_id)
        if watch is not None:
            watch.next_poll = 0.0
            watch.changed.notify_all()


def count() -> int:
    """How many wait in this process."""
    with _lock:
        return sum(watch.waiters for watch in _watches.values())


@contextmanager
def _slot(tenant_id: str, most: int) -> Iterator[bool]:
    """Take a slot among those who wait; False when there is none."""
    with _lock:
        has_slot = _waiting.total() < most and _waiting[tenant_id] < most - most // 4
        _waiting[tenant_id] += has_slot
    try:
        yield has_slot
    finally:
        with _lock:
            _waiting[tenant_id] -= has_slot
            if not _waiting[tenant_id]:
                del _waiting[tenant_id]


@contextmanager
def _watching(instance: Instance, waiter: object) -> Iterator[_Watch]:
    with _lock:
        watch = _watches.setdefault(instance.id, _Watch(instance))
        watch.waiters += 1
    try:
        yield watch
    finally:
        with _lock:
            watch.leave(waiter)
            if watch.waiters == 0:
                del _watches[instance.id]
