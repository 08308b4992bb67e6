"""Sending what the outbox holds, in order, and never twice while the provider accepts.

The outbox item is the truth; an event only wakes a worker. A worker claims the
oldest open item with a lease, sends it, and writes down the outcome:

    PENDING ─▶ SENDING ─▶ SENT
                  ├─────▶ FAILED ─▶ (after next_retry_at) SENDING …
                  └─────▶ DEAD      rejected | outside_window | retries_exhausted | outcome_unknown

A lease that ran out means that a worker died between sending and writing it
down: nobody knows whether the provider has the message, so it is not sent again
by itself. It is settled by its echo, or by asking the provider a few times where
that can be asked: meanwhile the item is FAILED, and holds back what follows. A
worker that was only slow may still write that the provider took it, and nothing
else. What has to wait its turn (see `pacing`) stays PENDING meanwhile.

What a provider takes only as several messages is sent part by part: after each
the item is PENDING again, so that a failure repeats none that is out.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from pydantic import BaseModel

from shared.channel.connection import SupportsHolders
from shared.channel.outbound import OutboundModule, Sent
from shared.channels import ability, channel, implementation
from shared.deps import Deps
from shared.documents.retry import run_with_retry
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.instances import Instance
from shared.domain.messages import MessageStatus
from shared.domain.outbox import OUTCOME_UNKNOWN, OutboxItem, OutboxStatus
from shared.errors import (
    BadRequest,
    Conflict,
    NotFound,
    OutcomeUnknown,
    ProviderRejected,
    ProviderUnavailable,
)
from shared.usecases.delivery import file_links, outages, pacing, settling
from shared.usecases.instances import (
    connection_state,
    instance_config,
    instance_lookup,
)
from shared.usecases.outbox import message_changes, parts
from shared.usecases.outbox.parts import Part

log = logging.getLogger(__name__)

# Longer than any channel's own time-outs together, so that a lease that ran out means a dead worker.
LEASE = timedelta(seconds=120)
_PLACE_SECONDS = 1.0
# Seconds for which a thread waits for another worker; after that the bus does.
_PATIENCE = 0.5


def deliver(deps: Deps, tenant_id: str, conversation_id: str) -> None:
    """Send the conversation's open items, oldest first, until none is left that need not wait.

    An item that has to wait holds back those after it on the same instance, and
    none on another: after a transfer the new channel does not wait for the old one.
    Raises `Conflict` when another worker is at it, so that the bus tries again.
    """
    run_with_retry(deps, lambda unit: _drain(deps, unit, tenant_id, conversation_id), patience=_PATIENCE)


def _drain(deps: Deps, unit: UnitOfWork, tenant_id: str, conversation_id: str) -> None:
    """Each item has units of work of its own, for sending comes between claiming it and settling it.

    `unit` only reads the list of them; a `Conflict` of theirs ends it, and has it read again.
    """
    query = unit.outbox.query().where(lambda item: item.conversation_id, "==", conversation_id)
    query = query.where(lambda item: item.open, "==", True).order_by(lambda item: item.created_at)
    waiting_instance_ids: set[str] = set()
    conflict: Conflict | None = None
    cursor: str | None = None
    while True:
        page = query.unit_page(limit=10, cursor=cursor)
        for document in page.documents:
            item = document.read()
            if item.instance_id in waiting_instance_ids:
                continue
            try:
                is_settled = _step(deps, document.unit, tenant_id, item)
            except Conflict as error:
                is_settled, conflict = False, error
            if not is_settled:
                waiting_instance_ids.add(item.instance_id)
        cursor = page.cursor
        if cursor is None:
            break
    if conflict is not None:
        raise conflict


def _step(deps: Deps, unit: UnitOfWork, tenant_id: str, item: OutboxItem) -> bool:
    """Deal with an instance's oldest open item; False when what follows there has to wait for it."""
    now = deps.now()
    if item.status is OutboxStatus.SENDING:
        return _settle_unfinished(deps, unit, item, now) and _go_on(deps, item)
    if item.next_retry_at and item.next_retry_at > now:
        return False
    instance = instance_lookup.cached(deps, tenant_id, item.instance_id)
    if instance is None:
        settling.mark_dead(deps, unit, item, "rejected", "the channel is gone", None)
        return True
    if item.reason == OUTCOME_UNKNOWN:
        return settling.look_up(deps, unit, instance, item) and _go_on(deps, item)
    # What may fail without the provider's doing comes before the claim: a
    # claimed item that nobody finishes counts as perhaps sent.
    try:
        if _is_held_elsewhere(deps, instance, item):
            return False
        part = parts.next_part(instance, item, file_links.payload_of(deps, instance, item))
        send = _call(deps, instance, item, part)
    except (BadRequest, NotFound) as error:
        settling.mark_dead(deps, unit, item, "rejected", error.detail, instance)
        return True
    if instance.down_since is not None and not outages.is_over(deps, instance):
        return settling.hold(deps, unit, item, instance)
    with deps.sending.slot(instance.id) as has_slot:
        if not has_slot:
            pacing.wait(deps, unit, instance, item, _PLACE_SECONDS)
            return False
        if pacing.wait_for_turn(deps, unit, instance, channel(instance.adapter).capabilities.pace, item):
            return False
        _claim(deps, unit, item, now)
        is_settled = _send(deps, instance, item, part, send)
    return is_settled and (part.is_last or _go_on(deps, item))


def _is_held_elsewhere(deps: Deps, instance: Instance, item: OutboxItem) -> bool:
    """Whether another process has the connection over which the item is sent, or the next holder will."""
    holders = ability(instance.adapter, SupportsHolders)
    return holders is not None and holders.is_held_elsewhere(deps, instance, item.conversation_id)


def _call(deps: Deps, instance: Instance, item: OutboxItem, part: Part) -> Callable[[], Sent]:
    """What is to be asked of the provider. Raises `BadRequest` or `NotFound` for what cannot be asked."""
    config = instance_config.load_config(deps, instance)
    if item.payload.change is not None:
        return message_changes.call(deps, instance, config, item, item.payload.change)
    return partial(
        implementation(instance.adapter, OutboundModule[BaseModel]).send, deps, instance, config, part.payload
    )


def _claim(deps: Deps, unit: UnitOfWork, item: OutboxItem, now: datetime) -> None:
    item.attempts += 1
    item.status = OutboxStatus.SENDING
    item.due_at = now + LEASE
    item.lease_owner = deps.owner
    item.updated_at = now
    if item.parts_sent == 0 and not item.is_change:
        unit.messages.patch(item.id, status=MessageStatus.SENDING)
    unit.commit()


def _send(deps: Deps, instance: Instance, item: OutboxItem, part: Part, send: Callable[[], Sent]) -> bool:
    """Send a part of a claimed item and settle it, in a unit of work of its own: the claim is committed."""
    unit = UnitOfWork(deps.store)
    try:
        sent = send()
    except (ProviderRejected, BadRequest) as error:
        return settling.settle_refusal(deps, unit, item, instance, error)
    except OutcomeUnknown as error:
        is_settled = settling.settle_unknown(deps, unit, settling.still_claimed(unit, item), instance, error.detail)
        # One message whose outcome is unknown is enough: the others need not wait for an answer that does not come.
        if not outages.is_reachable(deps, instance):
            outages.begin(deps, instance, error.detail)
        return is_settled
    except ProviderUnavailable as error:
        return settling.settle_unavailable(deps, unit, item, instance, error)
    except Exception:
        # A fault of ours may come after the provider took the message. Settled at once, nobody waits for the lease.
        log.exception("a channel failed in a way that it should not", extra={"message_id": item.id})
        detail = "an unexpected error; the hub's log tells which"
        return settling.settle_unknown(deps, unit, settling.still_claimed(unit, item), instance, detail)
    settling.record(deps, instance, item, sent, part)
    if instance.link_lost_at is not None:
        connection_state.regain_link(deps, instance)
    return True


def _go_on(deps: Deps, item: OutboxItem) -> bool:
    """Send the next part, unless the item ended with the one before."""
    unit = UnitOfWork(deps.store)
    current = unit.outbox.owned(item.tenant_id, item.id)
    return _step(deps, unit, item.tenant_id, current) if current.open else True


def _settle_unfinished(deps: Deps, unit: UnitOfWork, item: OutboxItem, now: datetime) -> bool:
    if item.due_at and item.due_at > now:
        raise Conflict
    instance = instance_lookup.find_cached(deps, instance_id=item.instance_id)
    if instance is not None and _is_held_elsewhere(deps, instance, item):
        return False
    detail = "the sender stopped before it could write down what became of the message"
    return settling.settle_unknown(deps, unit, item, instance, detail)


def recover(deps: Deps) -> int:
    """Settle what a dead process of this machine was sending; for a backend that only one process uses.

    Returns how many items were settled.
    """
    query = UnitOfWork(deps.store).outbox.query().where(lambda item: item.open, "==", True)
    query = query.order_by(lambda item: item.due_at)
    settled_count = 0
    cursor: str | None = None
    while True:
        page = query.unit_page(limit=200, cursor=cursor)
        for document in page.documents:
            item = document.read()
            settled_count += _recover(deps, document.unit, item)
            # A wake-up that the dead process owed may never have been published.
            pacing.wake_when_due(deps, item)
        cursor = page.cursor
        if cursor is None:
            return settled_count


def _recover(deps: Deps, unit: UnitOfWork, item: OutboxItem) -> bool:
    if item.status is not OutboxStatus.SENDING or item.lease_owner == deps.owner:
        return False
    instance = instance_lookup.find_cached(deps, instance_id=item.instance_id)
    try:
        if instance is not None and _is_held_elsewhere(deps, instance, item):
            # Whoever holds the connection next may know whether it was sent, and need not wait for the lease's end.
            item.due_at = deps.now()
            unit.commit()
            return False
        settling.settle_unknown(deps, unit, item, instance, "the hub stopped while it was sending the message")
    except Conflict:  # a worker of this process was faster
        return False
    return True
