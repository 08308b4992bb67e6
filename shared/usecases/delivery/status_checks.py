"""Checking accounts now and then: WhatsApp's, whose server may have reported a change while the hub was down, and
Instagram's, whose logins end unless they are renewed.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from datetime import datetime, timedelta

from shared.deps import Deps
from shared.documents.query import DocumentUnit
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.events import OutboundEvent, Topic
from shared.domain.fair_turns import in_turns
from shared.domain.instances import ChannelType, Instance, InstanceStatus
from shared.errors import BadRequest, Conflict, NotFound, OutcomeUnknown, ProviderError, ProviderUnavailable
from shared.usecases.delivery import outages
from shared.usecases.instances import backfills, instance_operations, renewals

log = logging.getLogger(__name__)

INTERVALS = {ChannelType.WHATSAPP: timedelta(minutes=2), ChannelType.INSTAGRAM: timedelta(days=1)}
MAX_ACCOUNTS = 4
"""Accounts of a type that the sweep checks itself, for it has to end within its minute whatever the servers do."""

MAX_OF_TENANT = 50
"""Accounts of one tenant that are checked in a minute."""

_PAGE = 500
_ACTIVE = [
    InstanceStatus.CONNECTED,
    InstanceStatus.CONNECTING,
    InstanceStatus.WAITING_FOR_SCAN,
    InstanceStatus.ERROR,
]


def check_due_accounts(deps: Deps) -> int:
    """Have the providers asked of the accounts that were not checked for longest, tenant by tenant in turn.

    Returns how many this process has asked for; what is beyond its share it leaves to other processes, by the bus.
    """
    return sum(_check_due(deps, type_, interval) for type_, interval in INTERVALS.items())


def _check_due(deps: Deps, channel_type: ChannelType, interval: timedelta) -> int:
    query = UnitOfWork(deps.store).instances.query()
    query = query.where(lambda instance: instance.type, "==", channel_type)
    query = query.where_in(lambda instance: instance.status, _ACTIVE)
    query = query.where(lambda instance: instance.checked_at, "<=", deps.now() - interval)
    page = query.order_by(lambda instance: instance.checked_at).unit_page(_PAGE)
    readable = [document for document in page.documents if document.is_readable]
    due = in_turns(readable, lambda document: document.read().tenant_id, MAX_OF_TENANT)
    for instance in [document.read() for document in due[MAX_ACCOUNTS:]]:
        event = OutboundEvent(tenant_id=instance.tenant_id, account_id=instance.id, due_since=instance.checked_at)
        deps.bus.publish(Topic.OUTBOUND, event, key=instance.id)
    due_ids = {document.id for document in due}
    for document in readable:
        if document.id not in due_ids:
            _put_off(deps, document)
    return sum(_check(deps, document.unit, document.read()) for document in due[:MAX_ACCOUNTS])


def check(deps: Deps, tenant_id: str, instance_id: str, due_since: datetime | None) -> None:
    """Ask the provider of one account, unless that was done since the sweep saw it."""
    unit = UnitOfWork(deps.store)
    instance = unit.instances.owned_or_none(tenant_id, instance_id)
    if instance is not None and instance.checked_at == due_since:
        _check(deps, unit, instance)


def _put_off(deps: Deps, document: DocumentUnit[Instance]) -> None:
    """Leave out one of too many of a tenant: it would be found before other tenants' accounts again and again."""
    document.read().checked_at = deps.now()
    with suppress(Conflict):
        document.unit.commit()


def _check(deps: Deps, unit: UnitOfWork, instance: Instance) -> bool:
    before, checked_before = instance.model_copy(), instance.checked_at
    instance.checked_at = deps.now()
    try:
        # The process that writes this checks the account, and one that cannot be reached does not delay the others.
        unit.commit()
    except Conflict:
        return False
    if not renewals.renew_when_due(deps, instance):
        return True
    try:
        instance_operations.status(deps, instance)
    except (ProviderUnavailable, OutcomeUnknown) as error:
        outages.go_on(deps, instance, error.detail)
        return True
    except (ProviderError, BadRequest, NotFound) as error:
        log.warning("an account could not be checked", extra={"instance_id": instance.id, "why": error.detail})
    if instance.down_since is not None:
        outages.end(deps, instance)
    backfills.backfill_when_due(deps, before, checked_before)
    return True
