"""One pairing at a time: a second one would make the first one's code worthless."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from shared.deps import Deps
from shared.domain.instances import Instance, InstanceStatus
from shared.errors import Conflict
from shared.ports.store import Delete, Ref
from shared.usecases.instances import instance_lookup
from shared.usecases.instances.instance_documents import commit, put

# Longer than a pairing takes; only a process that died keeps its turn that long.
_TURN = timedelta(seconds=90)
_LOOKS = 40
_PAUSE = 0.25


@contextmanager
def turn(deps: Deps, instance: Instance) -> Iterator[bool]:
    """Whether it is ours to pair; False while somebody else does."""
    ref = Ref("leases", f"pairing-{instance.id}")
    is_ours = _take(deps, ref)
    try:
        yield is_ours
    finally:
        if is_ours:
            deps.store.commit([Delete(ref)])


def _take(deps: Deps, ref: Ref) -> bool:
    held = deps.store.get([ref]).get(ref)
    if held is not None and held.data["expires_at"] > deps.now():
        return False
    try:
        commit(deps, [put(ref, held, {"owner": deps.owner, "expires_at": deps.now() + _TURN})])
    except Conflict:
        return False
    return True


def wait_for_other(deps: Deps, instance: Instance) -> Instance:
    """The instance as soon as the other's pairing has brought something, or as it is after ten seconds.

    Raises `Overloaded` when too many requests wait already.
    """
    deps.http.places.take()
    for _ in range(_LOOKS):
        time.sleep(_PAUSE)
        seen = instance_lookup.by_id(deps, instance.tenant_id, instance.id)
        if seen.status is InstanceStatus.CONNECTED or (seen.pairing and seen.pairing.expires_at > deps.now()):
            break
    return seen
