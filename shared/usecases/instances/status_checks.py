"""Asking after WhatsApp accounts whose server may have told of a change while nobody was listening."""

from __future__ import annotations

import logging
from datetime import timedelta

from shared.deps import Deps
from shared.domain.instances import ChannelType, Instance, InstanceStatus
from shared.errors import BadRequest, Conflict, NotFound, ProviderError
from shared.ports.store import Document, Merge, Order, Where
from shared.usecases.instances import instance_operations

log = logging.getLogger(__name__)

EVERY = timedelta(minutes=10)
MOST = 4
"""Accounts asked after in one run, which has to end within its minute whatever the servers do."""

_ALIVE = [InstanceStatus.CONNECTED, InstanceStatus.CONNECTING, InstanceStatus.WAITING_FOR_SCAN]


def reconcile(deps: Deps) -> int:
    """Ask the providers of those that were not asked after for longest; returns how many were."""
    due = [
        Where("type", "==", ChannelType.WHATSAPP.value),
        Where("status", "in", [status.value for status in _ALIVE]),
        Where("checked_at", "<=", deps.now() - EVERY),
    ]
    page = deps.store.find("instances", due, [Order("checked_at")], limit=MOST)
    return sum(_checked(deps, document) for document in page.documents)


def _checked(deps: Deps, document: Document) -> bool:
    try:
        # Whoever writes this has the turn, and one that cannot be reached does not keep the others waiting.
        deps.store.commit([Merge(document.ref, {"checked_at": deps.now()}, document.version)])
    except Conflict:
        return False
    instance = Instance.model_validate(document.data)
    try:
        instance_operations.status(deps, instance)
    except (ProviderError, BadRequest, NotFound) as error:
        log.warning("an account could not be asked after", extra={"instance_id": instance.id, "why": error.detail})
    return True
