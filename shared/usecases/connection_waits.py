"""Requests of this process that wait until an instance is connected.

All that wait for one instance share one slow look at the store, which sees what
other processes do; a change that this process makes wakes them at once. Each
holds one of the process's threads, so there are places for half of them, of
which no tenant gets all; a quarter may stay for a moment, so that who is to ask
again does not do so at once.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from shared.deps import Deps
from shared.domain.instances import Instance, InstanceStatus
from shared.usecases import refs

LOOK_SECONDS = 1.5


@dataclass(slots=True)
class _Watch:
    waiters: int = 0
    next_look: float = 0.0
    connected: bool = False


_changed = threading.Condition()
_watches: dict[str, _Watch] = {}
_places: Counter[str] = Counter()
_moments: Counter[str] = Counter()
"""How many of each tenant have a place, and how many stay for a moment."""


def until_connected(deps: Deps, instance: Instance, seconds: float) -> bool:
    """Wait up to `seconds`, shorter when too many wait already; whether the instance is connected then."""
    with _place(instance.tenant_id, deps.settings.threads, seconds) as patience, _watching(instance.id) as watch:
        deadline = time.monotonic() + patience
        while _gets_to_look(watch, deadline):
            if _is_connected(deps, instance.id):
                _found(watch)
        return watch.connected


def wake(instance_id: str) -> None:
    """Have the store looked at now, because the instance's state has changed."""
    with _changed:
        watch = _watches.get(instance_id)
        if watch is not None:
            watch.next_look = 0.0
            _changed.notify_all()


def count() -> int:
    """How many wait in this process."""
    with _changed:
        return sum(watch.waiters for watch in _watches.values())


@contextmanager
def _place(tenant_id: str, threads: int, seconds: float) -> Iterator[float]:
    """Take a place meanwhile; gives how long it may be kept."""
    with _changed:
        held, patience = _free(tenant_id, threads, seconds)
        held[tenant_id] += 1
    try:
        yield patience
    finally:
        with _changed:
            held[tenant_id] -= 1
            if not held[tenant_id]:
                del held[tenant_id]


def _free(tenant_id: str, threads: int, seconds: float) -> tuple[Counter[str], float]:
    places = max(1, threads // 2)
    if _places.total() < places and _places[tenant_id] < places - places // 4:
        return _places, seconds
    if _moments.total() < places // 2:
        return _moments, min(seconds, LOOK_SECONDS)
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


def _gets_to_look(watch: _Watch, deadline: float) -> bool:
    """Wait for a turn to look at the store; False when there is nothing left to wait for."""
    with _changed:
        while True:
            now = time.monotonic()
            if watch.connected or now >= deadline:
                return False
            if now >= watch.next_look:
                watch.next_look = now + LOOK_SECONDS
                return True
            _changed.wait(min(deadline, watch.next_look) - now)


def _found(watch: _Watch) -> None:
    with _changed:
        watch.connected = True
        _changed.notify_all()


def _is_connected(deps: Deps, instance_id: str) -> bool:
    ref = refs.instance(instance_id)
    document = deps.store.get([ref]).get(ref)
    return document is not None and document.data["status"] == InstanceStatus.CONNECTED.value
