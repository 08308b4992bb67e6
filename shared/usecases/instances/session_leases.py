"""Leases of accounts' connections: one process at a time holds each, for as long as it renews its lease."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from shared.channelkit.auth import HELD, AuthState, ChannelAuth
from shared.deps import Deps
from shared.documents.query import DocumentUnit
from shared.documents.retry import run_with_retry
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.inbound import ConnectionChanged
from shared.domain.instances import InstanceStatus
from shared.errors import Conflict
from shared.usecases.instances import connection_state, instance_lookup

log = logging.getLogger(__name__)

LEASE = timedelta(seconds=36)
"""With the pause between two looks and the time that a connection takes, an account whose holder was killed is back
within 45 seconds.
"""

_PAGE = 200
_CONTENDED = 20
"""How many more free sessions are read than are needed: other processes try to take the same ones."""


@dataclass(frozen=True, slots=True)
class Lease:
    """`secret` names the session, `until` is when others may take it unless the lease was renewed.

    `epoch` is higher than that of every holder before this one.
    """

    instance_id: str
    tenant_id: str
    adapter: str
    secret: str
    position: dict[str, Any] | None
    until: datetime
    state: AuthState
    epoch: int


def take(deps: Deps, adapter: str, limit: int) -> list[Lease]:
    """Take up to `limit` sessions that nobody holds, those first that are free the longest."""
    query = UnitOfWork(deps.store).channel_auth.query().where(lambda login: login.adapter, "==", adapter)
    query = query.where_in(lambda login: login.state, sorted(HELD))
    query = query.where(lambda login: login.lease_expires_at, "<=", deps.now())
    free_logins = query.order_by(lambda login: login.lease_expires_at).unit_page(limit + _CONTENDED).documents
    leases: list[Lease] = []
    for free_login in free_logins:
        if len(leases) >= limit:
            break
        lease = _extend(deps, free_login, is_new=True)
        leases += [lease] if lease else []
    return leases


def renew(deps: Deps, leases: Sequence[Lease], positions: Mapping[str, dict[str, Any]]) -> dict[str, Lease]:
    """Renew, and note how far updates were read; by instance, without those that this process does not hold any more.

    One that is changed at the same time keeps its old end until the next renewal.
    """
    logins = UnitOfWork(deps.store).channel_auth.in_units(lease.instance_id for lease in leases)
    by_instance = {login.id: login for login in logins}
    renewed: dict[str, Lease] = {}
    for lease in leases:
        login = by_instance.get(lease.instance_id)
        if login is not None and _is_held(deps, lease, login.read()):
            renewed[lease.instance_id] = _extend(deps, login, positions.get(lease.instance_id)) or lease
    return renewed


def release(deps: Deps, lease: Lease, pause: timedelta = timedelta(0), position: dict[str, Any] | None = None) -> None:
    """Let others take the session, at once or after a pause; one that this process does not hold is left alone."""

    def attempt(unit: UnitOfWork) -> None:
        login = _held_login(deps, unit, lease)
        if login is None:
            return
        login.lease_owner, login.lease_expires_at = None, deps.now() + pause
        if position:
            login.position = json.dumps(position)

    run_with_retry(deps, attempt)


def release_all(deps: Deps) -> None:
    """Free all sessions, which a dead process of this machine held; for a backend that only one process uses."""
    query = UnitOfWork(deps.store).channel_auth.query().where_in(lambda login: login.state, sorted(HELD))
    cursor: str | None = None
    while True:
        page = query.unit_page(_PAGE, cursor)
        for document in page.documents:
            if document.is_readable:
                login = document.read()
                login.lease_owner, login.lease_expires_at = None, deps.now()
                document.unit.commit()
        cursor = page.cursor
        if cursor is None:
            return


def end(deps: Deps, lease: Lease, why: str) -> None:
    """Delete what is left of a session that has ended and notify the tenant, unless they logged out here."""

    def attempt(unit: UnitOfWork) -> bool:
        login = _held_login(deps, unit, lease)
        if login is None:
            return False
        login.state, login.secret, login.lease_owner = AuthState.LOGGED_OUT, None, None
        login.updated_at = deps.now()
        return True

    if not run_with_retry(deps, attempt):
        return
    deps.secrets.delete(lease.secret)
    log.warning("a session was ended", extra={"instance_id": lease.instance_id, "why": why})
    instance = instance_lookup.find_cached(deps, instance_id=lease.instance_id)
    if instance is not None:
        connection_state.apply_connection(
            deps, instance, ConnectionChanged(status=InstanceStatus.DISCONNECTED, detail=why)
        )


def note_paired(deps: Deps, lease: Lease) -> bool:
    """Note that the account was paired; whether this process still holds the session."""

    def attempt(unit: UnitOfWork) -> bool:
        login = _held_login(deps, unit, lease)
        if login is None:
            return False
        if login.state is AuthState.PAIRING:
            login.state, login.updated_at = AuthState.CONNECTED, deps.now()
        return True

    return run_with_retry(deps, attempt)


def is_ours(deps: Deps, lease: Lease) -> bool:
    """Whether this process still holds the session, and nobody has logged out or in again."""
    return _held_login(deps, UnitOfWork(deps.store), lease) is not None


def conversations_to_send(deps: Deps, instance_id: str) -> list[str]:
    """The ids of the conversations in which an instance has something to send; of at most 200 items."""
    query = UnitOfWork(deps.store).outbox.query().where(lambda item: item.instance_id, "==", instance_id)
    items = query.where(lambda item: item.open, "==", True).page(limit=200).documents
    return list(dict.fromkeys(item.conversation_id for item in items))


def _held_login(deps: Deps, unit: UnitOfWork, lease: Lease) -> ChannelAuth | None:
    """The login if this process holds its session."""
    login = unit.channel_auth.owned_or_none(lease.tenant_id, lease.instance_id)
    return login if login is not None and _is_held(deps, lease, login) else None


def _is_held(deps: Deps, lease: Lease, login: ChannelAuth) -> bool:
    return login.lease_owner == deps.owner and login.state in HELD and login.secret == lease.secret


def _extend(
    deps: Deps, login_unit: DocumentUnit[ChannelAuth], position: dict[str, Any] | None = None, *, is_new: bool = False
) -> Lease | None:
    """Take or renew the lease; None when another process was first. The lease has the position before this one."""
    login = login_unit.read()
    former_position = json.loads(login.position) if login.position else None
    login.lease_owner, login.lease_expires_at = deps.owner, deps.now() + LEASE
    login.epoch += is_new
    if position:
        login.position = json.dumps(position)
    try:
        login_unit.unit.commit()
    except Conflict:
        return None
    return Lease(
        login.instance_id,
        login.tenant_id,
        login.adapter,
        login.secret or "",
        former_position,
        login.lease_expires_at,
        login.state,
        login.epoch,
    )
