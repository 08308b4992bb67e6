"""Who may hold an account's connection: one process at a time, for as long as it says that it lives."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from shared.channelkit import auth
from shared.channelkit.auth import AuthState, ChannelAuth
from shared.deps import Deps
from shared.domain.inbound import ConnectionChanged
from shared.domain.instances import InstanceStatus
from shared.errors import Conflict
from shared.ports.store import Document, Merge, Order, Where
from shared.usecases.instances import connection_state, instance_lookup
from shared.usecases.retrying import decide

log = logging.getLogger(__name__)

LEASE = timedelta(seconds=60)
_CONTENDED = 20
"""How many more free sessions are looked at than are wanted: other processes reach for the same ones."""


@dataclass(frozen=True, slots=True)
class Lease:
    """`secret` names the session, `until` is when it is somebody else's unless the lease was renewed."""

    instance_id: str
    tenant_id: str
    adapter: str
    secret: str
    position: dict[str, Any] | None
    until: datetime


def take(deps: Deps, adapter: str, most: int) -> list[Lease]:
    """Take up to `most` sessions that nobody has, those first that are free the longest."""
    where = [
        Where("adapter", "==", adapter),
        Where("state", "==", AuthState.CONNECTED.value),
        Where("lease_expires_at", "<=", deps.now()),
    ]
    page = deps.store.find("channel_auth", where, [Order("lease_expires_at")], limit=most + _CONTENDED)
    taken: list[Lease] = []
    for document in page.documents:
        if len(taken) >= most:
            break
        lease = _write(deps, document, {})
        taken += [lease] if lease else []
    return taken


def renew(deps: Deps, leases: Sequence[Lease], positions: Mapping[str, dict[str, Any]]) -> dict[str, Lease]:
    """Renew, and note how far updates were taken; by instance, without those that are ours no more.

    One that somebody changes at this very moment keeps its old end until the next time.
    """
    found = deps.store.get([auth.ref(lease.instance_id) for lease in leases])
    renewed: dict[str, Lease] = {}
    for lease in leases:
        document = found.get(auth.ref(lease.instance_id))
        if document is None or not _is_ours(deps, lease, document):
            continue
        position = positions.get(lease.instance_id)
        noted = {"position": json.dumps(position)} if position else {}
        renewed[lease.instance_id] = _write(deps, document, noted) or lease
    return renewed


def release(deps: Deps, lease: Lease, pause: timedelta = timedelta(0), position: dict[str, Any] | None = None) -> None:
    """Let others have the session, at once or after a pause; one that is ours no more is left alone."""

    def attempt() -> None:
        document = deps.store.get([auth.ref(lease.instance_id)]).get(auth.ref(lease.instance_id))
        if document is None or not _is_ours(deps, lease, document):
            return
        free: dict[str, Any] = {"lease_owner": None, "lease_expires_at": deps.now() + pause}
        if position:
            free["position"] = json.dumps(position)
        deps.store.commit([Merge(document.ref, free, document.version)])

    decide(attempt)


def end(deps: Deps, lease: Lease, why: str) -> None:
    """The session is gone: destroy what is left of it and tell the tenant, unless he ended it himself here."""

    def attempt() -> bool:
        document = deps.store.get([auth.ref(lease.instance_id)]).get(auth.ref(lease.instance_id))
        if document is None or not _is_ours(deps, lease, document):
            return False
        gone = {"state": AuthState.LOGGED_OUT.value, "secret": None, "lease_owner": None, "updated_at": deps.now()}
        deps.store.commit([Merge(document.ref, gone, document.version)])
        return True

    if not decide(attempt):
        return
    deps.secrets.delete(lease.secret)
    log.warning("a session was ended", extra={"instance_id": lease.instance_id, "why": why})
    instance = instance_lookup.find_for_webhook(deps, instance_id=lease.instance_id)
    if instance is not None:
        connection_state.apply_connection(
            deps, instance, ConnectionChanged(status=InstanceStatus.DISCONNECTED, detail=why)
        )


def is_ours(deps: Deps, lease: Lease) -> bool:
    """Whether this process still has the session, and nobody has logged out or in anew."""
    document = deps.store.get([auth.ref(lease.instance_id)]).get(auth.ref(lease.instance_id))
    return document is not None and _is_ours(deps, lease, document)


def waiting(deps: Deps, instance_id: str) -> list[str]:
    """The conversations in which an instance has something to send; at most 200 items are looked at."""
    where = [Where("instance_id", "==", instance_id), Where("open", "==", True)]
    page = deps.store.find("outbox", where, limit=200)
    return list(dict.fromkeys(str(document.data["conversation_id"]) for document in page.documents))


def _is_ours(deps: Deps, lease: Lease, document: Document) -> bool:
    known = ChannelAuth.model_validate(document.data)
    return known.lease_owner == deps.owner and known.state is AuthState.CONNECTED and known.secret == lease.secret


def _write(deps: Deps, document: Document, changes: Mapping[str, Any]) -> Lease | None:
    """None when somebody else wrote first."""
    known = ChannelAuth.model_validate(document.data)
    until = deps.now() + LEASE
    ours = {"lease_owner": deps.owner, "lease_expires_at": until, **changes}
    try:
        deps.store.commit([Merge(document.ref, ours, document.version)])
    except Conflict:
        return None
    position = json.loads(known.position) if known.position else None
    return Lease(known.instance_id, known.tenant_id, known.adapter, known.secret or "", position, until)
