"""Checking the status of WhatsApp accounts whose server may have reported a change while the hub was down."""

from __future__ import annotations

import logging
from datetime import timedelta

from shared.deps import Deps
from shared.documents.query import DocumentUnit
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.instances import ChannelType, Instance, InstanceStatus
from shared.errors import BadRequest, Conflict, NotFound, ProviderError
from shared.usecases.instances import instance_operations

log = logging.getLogger(__name__)

INTERVAL = timedelta(minutes=10)
MAX_ACCOUNTS = 4
"""Accounts that are checked in one run, which has to end within its minute whatever the servers do."""

_ACTIVE = [InstanceStatus.CONNECTED, InstanceStatus.CONNECTING, InstanceStatus.WAITING_FOR_SCAN]


def check_due_accounts(deps: Deps) -> int:
    """Ask the providers of the accounts that were not checked for longest; returns how many were."""
    query = UnitOfWork(deps.store).instances.query()
    query = query.where(lambda instance: instance.type, "==", ChannelType.WHATSAPP)
    query = query.where_in(lambda instance: instance.status, _ACTIVE)
    query = query.where(lambda instance: instance.checked_at, "<=", deps.now() - INTERVAL)
    due = query.order_by(lambda instance: instance.checked_at).unit_page(MAX_ACCOUNTS).documents
    return sum(_check(deps, instance_unit) for instance_unit in due)


def _check(deps: Deps, instance_unit: DocumentUnit[Instance]) -> bool:
    instance = instance_unit.read()
    instance.checked_at = deps.now()
    try:
        # The process that writes this checks the account, and one that cannot be reached does not delay the others.
        instance_unit.unit.commit()
    except Conflict:
        return False
    try:
        instance_operations.status(deps, instance)
    except (ProviderError, BadRequest, NotFound) as error:
        log.warning("an account could not be checked", extra={"instance_id": instance.id, "why": error.detail})
    return True
