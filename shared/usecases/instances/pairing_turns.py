"""One pairing at a time: a second one would make the first one's code worthless."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from shared.deps import Deps
from shared.documents import ids
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.instances import Instance, InstanceStatus, PairingLease
from shared.errors import AlreadyExists, Conflict
from shared.usecases import connection_waits

# Longer than a pairing takes; only a process that died keeps its lease that long.
_LEASE = timedelta(seconds=90)
_PATIENCE = 10.0
"""Seconds."""


@contextmanager
def turn(deps: Deps, instance: Instance) -> Iterator[bool]:
    """Whether this request may pair; False while another one does."""
    lease_id = ids.pairing_lease(instance.id)
    is_ours = _take(deps, lease_id)
    try:
        yield is_ours
    finally:
        if is_ours:
            unit = UnitOfWork(deps.store)
            unit.pairing_leases.remove(lease_id)
            unit.commit()


def is_under_way(deps: Deps, instance: Instance) -> bool:
    """Whether the account is being paired, or was since this process has read the instance.

    Meanwhile its provider may say of everything that there is no such account.
    """
    unit = UnitOfWork(deps.store)
    lease_id = ids.pairing_lease(instance.id)
    unit.fetch(unit.pairing_leases.key(lease_id), unit.instances.key(instance.id))
    lease, current = unit.pairing_leases.get(lease_id), unit.instances.owned_or_none(instance.tenant_id, instance.id)
    is_held = lease is not None and lease.expires_at > deps.now()
    if current is None:
        return is_held
    is_waiting = current.status in (InstanceStatus.CONNECTING, InstanceStatus.WAITING_FOR_SCAN)
    has_changed = (current.account, current.config) != (instance.account, instance.config)
    return is_held or is_waiting or has_changed


def _take(deps: Deps, lease_id: str) -> bool:
    unit = UnitOfWork(deps.store)
    lease = unit.pairing_leases.get(lease_id)
    if lease is not None and lease.expires_at > deps.now():
        return False
    unit.pairing_leases.put(PairingLease(owner=deps.owner, expires_at=deps.now() + _LEASE), lease_id)
    try:
        unit.commit()
    except (Conflict, AlreadyExists):
        return False
    return True


def wait_for_code(deps: Deps, instance: Instance) -> Instance:
    """The instance as soon as the pairing that is under way has an outcome, or as it is after ten seconds."""

    def has_outcome(current: Instance) -> bool:
        pairing = current.pairing
        return connection_waits.is_connected(current) or (pairing is not None and pairing.expires_at > deps.now())

    return connection_waits.until(deps, instance, _PATIENCE, has_outcome)
