"""Sending what the outbox holds, in order, and never twice while the provider accepts.

The outbox item is the truth; an event only wakes a worker. A worker claims the
oldest open item with a lease, sends it, and writes down what became of it:

    PENDING ─▶ SENDING ─▶ SENT
                  ├─────▶ FAILED ─▶ (after next_retry_at) SENDING …
                  └─────▶ DEAD      rejected | outside_window | retries_exhausted | outcome_unknown

A lease that ran out means that a worker died between sending and writing it
down: nobody knows whether the provider has the message, so it is not sent again
by itself. A worker that was only slow may still write that the provider took
it, and nothing else. What has to wait its turn (see `pacing`) stays PENDING
meanwhile.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial

from shared import pseudorandom
from shared.channel.connection import SupportsHolders
from shared.channel.outbound import OutboundModule, Sent
from shared.channels import ability, channel, implementation
from shared.deps import Deps
from shared.domain.ids import stable_id
from shared.domain.instances import Instance
from shared.domain.messages import (
    OUTSIDE_WINDOW,
    MessageStatus,
    OutboxItem,
    OutboxPayload,
    OutboxStatus,
)
from shared.domain.notifications import Notification
from shared.errors import (
    BadRequest,
    Conflict,
    ConnectionLost,
    NotFound,
    OutcomeUnknown,
    ProviderRejected,
    ProviderUnavailable,
)
from shared.ports.store import Document, Merge, Order, Where
from shared.usecases import refs
from shared.usecases.delivery import outcomes, pacing
from shared.usecases.instances import connection_state, instance_config, instance_lookup
from shared.usecases.instances.instance_documents import label
from shared.usecases.reporting import metrics
from shared.usecases.reporting.notifications import creation
from shared.usecases.retrying import decide

log = logging.getLogger(__name__)

# Longer than any channel's own time-outs together, so that a lease that ran out means a dead worker.
LEASE = timedelta(seconds=120)
MAX_ATTEMPTS = 12
# Seconds for which a thread waits for another worker; after that the bus does.
_PATIENCE = 0.5


def deliver(deps: Deps, tenant_id: str, conversation_id: str) -> None:
    """Send the conversation's open items, oldest first, until none is left that need not wait.

    An item that has to wait holds back those after it on the same instance, and
    none on another: after a transfer the new channel does not wait for the old one.
    Raises `Conflict` when another worker is at it, so that the bus tries again.
    """
    decide(lambda: _drain(deps, tenant_id, conversation_id), patience=_PATIENCE)


def _drain(deps: Deps, tenant_id: str, conversation_id: str) -> None:
    where = [Where("conversation_id", "==", conversation_id), Where("open", "==", True)]
    holding: set[str] = set()
    elsewhere: Conflict | None = None
    cursor: str | None = None
    while True:
        page = deps.store.find("outbox", where, [Order("created_at")], limit=10, cursor=cursor)
        for document in page.documents:
            instance_id = str(document.data["instance_id"])
            if instance_id in holding:
                continue
            try:
                settled = _step(deps, tenant_id, document)
            except Conflict as conflict:
                settled, elsewhere = False, conflict
            if not settled:
                holding.add(instance_id)
        cursor = page.cursor
        if cursor is None:
            break
    if elsewhere is not None:
        raise elsewhere


def _step(deps: Deps, tenant_id: str, document: Document) -> bool:
    """Deal with an instance's oldest open item; False when what follows there has to wait for it."""
    item = OutboxItem.model_validate(document.data)
    now = deps.now()
    if item.status is OutboxStatus.SENDING:
        return _settle_unfinished(deps, item, document, now)
    if item.next_retry_at and item.next_retry_at > now:
        return False
    instance = instance_lookup.find_for_webhook(deps, instance_id=item.instance_id)
    if instance is None or instance.tenant_id != tenant_id:
        _bury(deps, item, document.version, "rejected", "the channel is gone", None)
        return True
    # What may fail without the provider's doing comes before the claim: a
    # claimed item that nobody finishes counts as perhaps sent.
    try:
        outbound = implementation(instance.adapter, OutboundModule)
        holders = ability(instance.adapter, SupportsHolders)
        if holders is not None and holders.is_held_elsewhere(deps, instance, item.conversation_id):
            return False
        send = partial(outbound.send, deps, instance, instance_config.load_config(deps, instance))
    except (BadRequest, NotFound) as error:
        _bury(deps, item, document.version, "rejected", error.detail, instance)
        return True
    if pacing.must_wait(deps, instance, channel(instance.adapter).capabilities.pace, item, document):
        return False
    _claim(deps, item, document, now)
    return _send(deps, instance, item, send)


def _claim(deps: Deps, item: OutboxItem, document: Document, now: datetime) -> None:
    item.attempts += 1
    item.status = OutboxStatus.SENDING
    item.due_at = now + LEASE
    claimed = {
        "status": item.status.value,
        "attempts": item.attempts,
        "due_at": item.due_at,
        "lease_owner": deps.owner,
        "updated_at": now,
    }
    deps.store.commit(
        [
            Merge(document.ref, claimed, document.version),
            Merge(refs.message(item.id), {"status": MessageStatus.SENDING.value}),
        ]
    )


def _claimed(deps: Deps, item: OutboxItem) -> str:
    """The version of an item that this worker claimed; `Conflict` when its lease ran out and somebody settled it."""
    ref = refs.outbox(item.id)
    document = deps.store.get([ref]).get(ref)
    if document is None or document.data["due_at"] != item.due_at:
        raise Conflict(ref)
    return document.version


def _send(deps: Deps, instance: Instance, item: OutboxItem, send: Callable[[OutboxPayload], Sent]) -> bool:
    try:
        sent = send(item.payload)
    except (ProviderRejected, BadRequest) as error:
        window = isinstance(error, ProviderRejected) and error.reason == OUTSIDE_WINDOW
        _bury(deps, item, _claimed(deps, item), OUTSIDE_WINDOW if window else "rejected", error.detail, instance)
        return True
    except OutcomeUnknown as error:
        return _unknown(deps, item, _claimed(deps, item), instance, error.detail)
    except ProviderUnavailable as error:
        if error.retry_after:
            pacing.rest(deps, instance, error.retry_after)
        settled = _fail(deps, item, _claimed(deps, item), instance, error.detail, error.retry_after)
        if isinstance(error, ConnectionLost):
            connection_state.lose_link(deps, instance, error.detail)
        return settled
    except Exception:
        # A fault of ours may come after the provider took the message. Told at once, nobody waits for the lease.
        log.exception("a channel failed in a way that it should not", extra={"message_id": item.id})
        return _unknown(deps, item, _claimed(deps, item), instance, "an unexpected error; the hub's log tells which")
    outcomes.record_sent(deps, instance, item, sent)
    metrics.sent(instance, item, deps.now())
    if instance.link_lost_at is not None:
        connection_state.regain_link(deps, instance)
    return True


def _fail(deps: Deps, item: OutboxItem, version: str, instance: Instance, why: str, retry_after: float | None) -> bool:
    """The provider cannot take it now: try again later, and hold back what follows."""
    if item.attempts >= MAX_ATTEMPTS:
        _bury(deps, item, version, "retries_exhausted", why, instance)
        return True
    now = deps.now()
    pause = max(_backoff(deps, item.attempts), retry_after or 0.0)
    due = now + timedelta(seconds=pause)
    failed = {
        "status": OutboxStatus.FAILED.value,
        "next_retry_at": due,
        "due_at": due,
        "reason": "unavailable",
        "error": why,
        "updated_at": now,
    }
    status = {"status": MessageStatus.FAILED.value, "error": why}
    deps.store.commit([Merge(refs.outbox(item.id), failed, version), Merge(refs.message(item.id), status)])
    metrics.put_off(instance, item, pause, why)
    pacing.wake_after(deps, item, instance, pause)
    return False


def _backoff(deps: Deps, attempts: int) -> float:
    settings = deps.settings
    longest: float = min(settings.retry_max_seconds, settings.retry_min_seconds * 2 ** (attempts - 1))
    # Many items that failed together should not come back together.
    return longest * pseudorandom.uniform(0.8, 1.0) if attempts > 1 else longest


def _unknown(deps: Deps, item: OutboxItem, version: str, instance: Instance | None, why: str) -> bool:
    """Nobody knows whether the provider has it: a person decides, unless the instance says to send again."""
    if instance is not None and instance.resend_unknown:
        return _fail(deps, item, version, instance, why, None)
    _bury(deps, item, version, "outcome_unknown", why, instance)
    return True


def _settle_unfinished(deps: Deps, item: OutboxItem, document: Document, now: datetime) -> bool:
    if item.due_at and item.due_at > now:
        raise Conflict(document.ref)
    instance = instance_lookup.find_for_webhook(deps, instance_id=item.instance_id)
    why = "the sender stopped before it could write down what became of the message"
    return _unknown(deps, item, document.version, instance, why)


def _bury(deps: Deps, item: OutboxItem, version: str, reason: str, why: str, instance: Instance | None) -> None:
    now = deps.now()
    told = Notification(
        # Of this death alone: one that was redriven and died again is told of again.
        id=f"dead-{item.id}-{stable_id(version)}",
        tenant_id=item.tenant_id,
        type="message_dead",
        title="A message was not delivered" if reason != "outcome_unknown" else "A message may not have been delivered",
        message=f"{label(instance) if instance else 'A deleted channel'}: {reason}: {why}",
        created_at=now,
    )
    status = {"status": MessageStatus.DEAD.value, "error": reason if reason in why else f"{reason}: {why}"}
    dead = outcomes.settling(item, OutboxStatus.DEAD, now, reason, why, version)
    deps.store.commit([dead, Merge(refs.message(item.id), status), creation(told)])
    metrics.died(instance, item, reason, why)


def recover(deps: Deps) -> int:
    """Settle what a dead process of this machine was sending; for a backend that only one process uses.

    Returns how many items were settled.
    """
    settled = 0
    cursor: str | None = None
    while True:
        page = deps.store.find("outbox", [Where("open", "==", True)], [Order("due_at")], limit=200, cursor=cursor)
        for document in page.documents:
            item = OutboxItem.model_validate(document.data)
            if item.status is OutboxStatus.SENDING and item.lease_owner != deps.owner:
                instance = instance_lookup.find_for_webhook(deps, instance_id=item.instance_id)
                with suppress(Conflict):  # a worker of this process was faster
                    _unknown(deps, item, document.version, instance, "the hub stopped while it was sending the message")
                    settled += 1
            # A wake-up that the dead process owed may never have been published.
            pacing.wake_when_due(deps, item)
        cursor = page.cursor
        if cursor is None:
            return settled
