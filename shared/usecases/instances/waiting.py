"""Requests of this process that wait until an instance is connected.

All that wait for one instance share one slow look at the store, which sees what
other processes do; a change that this process makes wakes them at once.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

from shared.deps import Deps
from shared.domain.instances import InstanceStatus
from shared.usecases import refs

MAX_WAITERS = 8
"""A quarter of the local runner's threads: who waits must not keep others from being served."""

LOOK_SECONDS = 1.5


@dataclass(slots=True)
class _Watch:
    waiters: int = 0
    next_look: float = 0.0
    connected: bool = False


_changed = threading.Condition()
_watches: dict[str, _Watch] = {}


def until_connected(deps: Deps, instance_id: str, seconds: float) -> bool:
    """Wait up to `seconds`; whether the instance is connected then.

    When too many wait already, the answer is False at once.
    """
    deadline = time.monotonic() + seconds
    watch = _join(instance_id)
    if watch is None:
        return False
    try:
        while _gets_to_look(watch, deadline):
            if _is_connected(deps, instance_id):
                _found(watch)
        return watch.connected
    finally:
        _leave(instance_id, watch)


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


def _join(instance_id: str) -> _Watch | None:
    with _changed:
        if sum(watch.waiters for watch in _watches.values()) >= MAX_WAITERS:
            return None
        watch = _watches.setdefault(instance_id, _Watch())
        watch.waiters += 1
        return watch


def _leave(instance_id: str, watch: _Watch) -> None:
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
