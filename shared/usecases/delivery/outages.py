"""A provider that serves nobody: it shows, nothing is lost meanwhile, and what waits goes out when it is back.

The first call that fails so begins an outage. From then on nothing is sent; the account's status is checked every few
seconds (`status_checks`), and the first check that is answered ends the outage and wakes what waits.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from datetime import timedelta

from pydantic import BaseModel

from shared import channels
from shared.channel.lifecycle import SupportsStatus
from shared.deps import Deps
from shared.documents.retry import run_with_retry
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.events import OutboundEvent, Topic
from shared.domain.instances import Instance, InstanceStatus
from shared.domain.outbox import OutboxStatus
from shared.errors import BadRequest, Conflict, NotFound, OutcomeUnknown, ProviderError, ProviderUnavailable
from shared.usecases import realtime
from shared.usecases.instances import instance_config, instance_lookup
from shared.usecases.instances.channel_alerts import add_alert
from shared.usecases.instances.status_details import reported
from shared.usecases.outbox import enqueueing

log = logging.getLogger(__name__)

CHECK_SECONDS = 10.0
"""Between two checks while the provider is down."""

SHOWN_AFTER = timedelta(minutes=2)
"""How long a provider may be down before its channel counts as failed."""

LONGEST = timedelta(days=3)
"""How long a message waits for a provider that is down."""

_LOST_CHECK = timedelta(minutes=1)
_PAGE = 200
_WORKING = (InstanceStatus.CONNECTED, InstanceStatus.CONNECTING, InstanceStatus.WAITING_FOR_SCAN)


def begin(deps: Deps, instance: Instance, why: str) -> None:
    """Note that the provider serves nobody, which a check of its status has shown, and check it from now on."""
    log.warning("a provider is down", extra={"instance_id": instance.id, "why": why})

    def attempt(unit: UnitOfWork) -> None:
        stored = unit.instances.owned_or_none(instance.tenant_id, instance.id)
        if stored is None or stored.down_since is not None:
            return
        stored.down_since = stored.checked_at = deps.now()
        unit.after_commit(lambda: check_later(deps, stored))

    run_with_retry(deps, attempt)
    instance_lookup.forget(deps, instance)


def is_over(deps: Deps, instance: Instance) -> bool:
    """Whether an outage that this process has cached has ended; a check that was lost is begun again."""
    stored = UnitOfWork(deps.store).instances.owned_or_none(instance.tenant_id, instance.id)
    if stored is None or stored.down_since is None:
        instance_lookup.forget(deps, instance)
        return True
    if stored.checked_at is None or stored.checked_at < deps.now() - _LOST_CHECK:
        _check_again(deps, stored)
    return False


def _check_again(deps: Deps, instance: Instance) -> None:
    def attempt(unit: UnitOfWork) -> None:
        stored = unit.instances.owned_or_none(instance.tenant_id, instance.id)
        if stored is not None and stored.down_since is not None and stored.checked_at == instance.checked_at:
            stored.checked_at = deps.now()
            unit.after_commit(lambda: check_later(deps, stored))

    run_with_retry(deps, attempt)


def check_later(deps: Deps, instance: Instance) -> None:
    """Have the status checked in some seconds, unless somebody else does so before."""
    event = OutboundEvent(tenant_id=instance.tenant_id, account_id=instance.id, due_since=instance.checked_at)
    deps.bus.publish(Topic.OUTBOUND, event, key=instance.id, delay=CHECK_SECONDS)


def is_reachable(deps: Deps, instance: Instance) -> bool:
    """Whether the provider tells anything at all of this account; what it tells is not stored."""
    module = channels.ability(instance.adapter, SupportsStatus[BaseModel])
    if module is None:
        return True
    try:
        module.status(deps, instance, instance_config.load_config(deps, instance))
    except (ProviderUnavailable, OutcomeUnknown):
        return False
    except (ProviderError, BadRequest, NotFound) as error:
        log.warning("an account could not be checked", extra={"instance_id": instance.id, "why": error.detail})
    return True


def go_on(deps: Deps, instance: Instance, why: str) -> None:
    """A check found the provider down: begin an outage, or go on with it and show it once it lasts."""
    if instance.down_since is None:
        begin(deps, instance, why)
        return

    def attempt(unit: UnitOfWork) -> None:
        after = unit.instances.owned_or_none(instance.tenant_id, instance.id)
        if after is None or after.down_since is None:
            return
        if deps.now() - after.down_since < LONGEST:  # after that no message waits any more
            unit.after_commit(lambda: check_later(deps, after))
        if after.status not in _WORKING or deps.now() - after.down_since < SHOWN_AFTER:
            return
        before = after.model_copy()
        after.status, after.updated_at = InstanceStatus.ERROR, deps.now()
        after.status_detail = reported(after, f"the provider cannot be reached: {why}")
        add_alert(deps, unit, before, after.status, after.status_detail, after.updated_at)
        realtime.channel_status(deps, unit, after, after.status)

    run_with_retry(deps, attempt)
    instance_lookup.forget(deps, instance)


def end(deps: Deps, instance: Instance) -> None:
    """The provider is back: send what has waited for it."""
    log.info("a provider is back", extra={"instance_id": instance.id})

    def attempt(unit: UnitOfWork) -> None:
        stored = unit.instances.owned_or_none(instance.tenant_id, instance.id)
        if stored is not None:
            stored.down_since = None

    run_with_retry(deps, attempt)
    instance_lookup.forget(deps, instance)
    wake_waiting(deps, instance)


def wake_waiting(deps: Deps, instance: Instance) -> None:
    """Have everything that waits for this account tried now."""
    query = UnitOfWork(deps.store).outbox.query().where(lambda item: item.instance_id, "==", instance.id)
    query = query.where(lambda item: item.open, "==", True).order_by(lambda item: item.created_at)
    conversation_ids: dict[str, None] = {}
    cursor: str | None = None
    while True:
        page = query.unit_page(_PAGE, cursor)
        for document in page.documents:
            item = document.read()
            if item.status is OutboxStatus.SENDING:
                continue
            conversation_ids[item.conversation_id] = None
            if item.next_retry_at is not None:
                item.next_retry_at, item.due_at = None, deps.now()
                with suppress(Conflict):  # somebody is at it
                    document.unit.commit()
        cursor = page.cursor
        if cursor is None:
            break
    for conversation_id in conversation_ids:
        enqueueing.wake(deps, instance.tenant_id, conversation_id, instance)
