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

from shared import pseudorandom
from shared.channel.connection import SupportsHolders
from shared.channel.outbound import OutboundModule, Sent
from shared.channel.settle import SupportsRepeats
from shared.channels import ability, channel, implementation
from shared.deps import Deps
from shared.documents.retry import run_with_retry
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.instances import Instance
from shared.domain.messages import (
    OUTCOME_UNKNOWN,
    OUTSIDE_WINDOW,
    MessageStatus,
    OutboxItem,
    OutboxStatus,
)
from shared.errors import (
    BadRequest,
    Conflict,
    ConnectionLost,
    HubError,
    NotFound,
    OutcomeUnknown,
    ProviderDown,
    ProviderRejected,
    ProviderUnavailable,
)
from shared.usecases.delivery import outages, pacing
from shared.usecases.instances import (
    connection_state,
    instance_config,
    instance_lookup,
    instance_operations,
    pairing_turns,
)
from shared.usecases.outbox import outcomes, parts, unknown_outcomes
from shared.usecases.outbox.parts import Part
from shared.usecases.reporting import metrics

log = logging.getLogger(__name__)

# Longer than any channel's own time-outs together, so that a lease that ran out means a dead worker.
LEASE = timedelta(seconds=120)
MAX_ATTEMPTS = 12
# Of this process's threads, for calls about one account: others must not wait for one whose server hangs.
_SHARE = 0.25
_PLACE_SECONDS = 1.0
_LONGEST_HOLD = timedelta(seconds=60)
MAX_LOOKUPS = 3
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
    """Each item has units of work of its own, for sending comes between claiming it and settling it."""
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
        _mark_dead(deps, unit, item, "rejected", "the channel is gone", None)
        return True
    if item.reason == OUTCOME_UNKNOWN:
        return _look_up(deps, unit, instance, item) and _go_on(deps, item)
    # What may fail without the provider's doing comes before the claim: a
    # claimed item that nobody finishes counts as perhaps sent.
    try:
        outbound = implementation(instance.adapter, OutboundModule[BaseModel])
        holders = ability(instance.adapter, SupportsHolders)
        if holders is not None and holders.is_held_elsewhere(deps, instance, item.conversation_id):
            return False
        part = parts.next_part(instance, item)
        send = partial(outbound.send, deps, instance, instance_config.load_config(deps, instance), part.payload)
    except (BadRequest, NotFound) as error:
        _mark_dead(deps, unit, item, "rejected", error.detail, instance)
        return True
    if instance.down_since is not None and not outages.is_over(deps, instance):
        return _hold(deps, unit, item, instance)
    most = max(1, int(deps.settings.threads * _SHARE))
    with deps.sending.place(instance.id, most) as has_place:
        if not has_place:
            pacing.wait(deps, unit, instance, item, _PLACE_SECONDS)
            return False
        if pacing.must_wait(deps, unit, instance, channel(instance.adapter).capabilities.pace, item):
            return False
        _claim(deps, unit, item, now)
        is_settled = _send(deps, instance, item, part, send)
    return is_settled and (part.is_last or _go_on(deps, item))


def _claim(deps: Deps, unit: UnitOfWork, item: OutboxItem, now: datetime) -> None:
    item.attempts += 1
    item.status = OutboxStatus.SENDING
    item.due_at = now + LEASE
    item.lease_owner = deps.owner
    item.updated_at = now
    if item.parts_sent == 0:
        unit.messages.patch(item.id, status=MessageStatus.SENDING)
    unit.commit()


def _claimed(unit: UnitOfWork, item: OutboxItem) -> OutboxItem:
    """The item that this worker claimed; `Conflict` when its lease ran out and somebody settled it."""
    current = unit.outbox.owned_or_none(item.tenant_id, item.id)
    if current is None or current.due_at != item.due_at:
        raise Conflict
    return current


def _send(deps: Deps, instance: Instance, item: OutboxItem, part: Part, send: Callable[[], Sent]) -> bool:
    """Send a part of a claimed item and settle it, in a unit of work of its own: the claim is committed."""
    unit = UnitOfWork(deps.store)
    try:
        sent = send()
    except (ProviderRejected, BadRequest) as error:
        return _settle_refusal(deps, unit, item, instance, error)
    except OutcomeUnknown as error:
        is_settled = _settle_unknown(deps, unit, _claimed(unit, item), instance, error.detail)
        # One message whose outcome is unknown is enough: the others need not wait for an answer that does not come.
        if not outages.is_answering(deps, instance):
            outages.begin(deps, instance, error.detail)
        return is_settled
    except ProviderUnavailable as error:
        return _settle_unavailable(deps, unit, item, instance, error)
    except Exception:
        # A fault of ours may come after the provider took the message. Settled at once, nobody waits for the lease.
        log.exception("a channel failed in a way that it should not", extra={"message_id": item.id})
        detail = "an unexpected error; the hub's log tells which"
        return _settle_unknown(deps, unit, _claimed(unit, item), instance, detail)
    _record(deps, instance, item, sent, part)
    if instance.link_lost_at is not None:
        connection_state.regain_link(deps, instance)
    return True


def _record(deps: Deps, instance: Instance, item: OutboxItem, sent: Sent, part: Part) -> None:
    outcomes.record_sent(deps, instance, item, sent, part)
    if part.is_last:
        metrics.message_sent(instance, item, deps.now())


def _go_on(deps: Deps, item: OutboxItem) -> bool:
    """Send the next part, unless the item ended with the one before."""
    unit = UnitOfWork(deps.store)
    current = unit.outbox.owned(item.tenant_id, item.id)
    return _step(deps, unit, item.tenant_id, current) if current.open else True


def _settle_refusal(
    deps: Deps, unit: UnitOfWork, item: OutboxItem, instance: Instance, error: ProviderRejected | BadRequest
) -> bool:
    """It cannot be sent, unless the refusal comes of a pairing that is under way."""
    if instance_operations.can_pair(instance) and pairing_turns.is_under_way(deps, instance):
        instance_lookup.forget(deps, instance)
        return _put_off(deps, unit, _claimed(unit, item), instance, error.detail, None)
    is_too_late = isinstance(error, ProviderRejected) and error.reason == OUTSIDE_WINDOW
    reason = OUTSIDE_WINDOW if is_too_late else "rejected"
    _mark_dead(deps, unit, _claimed(unit, item), reason, error.detail, instance)
    return True


def _settle_unavailable(
    deps: Deps, unit: UnitOfWork, item: OutboxItem, instance: Instance, error: ProviderUnavailable
) -> bool:
    """It is tried again; where the provider serves nobody, once that has changed."""
    # What failed may be something else that the message needs, such as the server of its file.
    may_be_down = isinstance(error, ProviderDown) or item.attempts >= MAX_ATTEMPTS
    is_down = may_be_down and not outages.is_answering(deps, instance)
    if error.retry_after and not is_down:
        pacing.rest(deps, instance, error.retry_after)
    claimed = _claimed(unit, item)
    is_settled = _put_off(deps, unit, claimed, instance, error.detail, error.retry_after, is_down=is_down)
    if is_down:
        outages.begin(deps, instance, error.detail)
    if isinstance(error, ConnectionLost):
        connection_state.lose_link(deps, instance, error.detail)
    return is_settled


def _put_off(
    deps: Deps,
    unit: UnitOfWork,
    item: OutboxItem,
    instance: Instance,
    detail: str,
    retry_after: float | None,
    *,
    is_down: bool = False,
) -> bool:
    """The provider cannot take it now: try again later, and hold back what follows.

    While the provider serves nobody no try counts, and only time ends the waiting.
    """
    if is_down:
        item.attempts = max(1, item.attempts - 1)
        is_exhausted = deps.now() - item.created_at > outages.LONGEST
    else:
        is_exhausted = item.attempts >= MAX_ATTEMPTS
    if is_exhausted:
        _mark_dead(deps, unit, item, "retries_exhausted", detail, instance)
        return True
    pause = max(_backoff(deps, item.attempts), retry_after or 0.0)
    outcomes.record_unavailable(unit, item, deps.now(), pause, detail)
    unit.commit()
    metrics.message_postponed(instance, item, pause, detail)
    pacing.wake_after(deps, item, instance, pause)
    return False


def _hold(deps: Deps, unit: UnitOfWork, item: OutboxItem, instance: Instance) -> bool:
    """The provider serves nobody: leave the item untouched until a check wakes it, or for three days at the most."""
    now = deps.now()
    if now - item.created_at > outages.LONGEST:
        _mark_dead(deps, unit, item, "retries_exhausted", "the provider could not be reached for days", instance)
        return True
    # The check that finds the provider back wakes it; the sweep is for a check that came a moment too early.
    item.next_retry_at = item.due_at = now + _LONGEST_HOLD
    item.updated_at = now
    unit.commit()
    return False


def _backoff(deps: Deps, attempts: int) -> float:
    settings = deps.settings
    longest: float = min(settings.retry_max_seconds, settings.retry_min_seconds * 2 ** (attempts - 1))
    # Many items that failed together should not come back together.
    return longest * pseudorandom.uniform(0.8, 1.0) if attempts > 1 else longest


def _settle_unknown(deps: Deps, unit: UnitOfWork, item: OutboxItem, instance: Instance | None, detail: str) -> bool:
    """Nobody knows whether the provider has it, unless its echo has come or the provider can be asked.

    What cannot be found out a person decides, unless the instance says to send again.
    """
    if instance is None:
        _mark_dead(deps, unit, item, OUTCOME_UNKNOWN, detail, None)
        return True
    item.unknown_since = item.updated_at  # when it was claimed
    part = parts.next_part(instance, item)
    echo = unknown_outcomes.stored_echo(unit, instance, item, part)
    if echo is not None:
        _record(deps, instance, item, echo, part)
        return True
    unknown_outcomes.remember(deps, item)
    if _may_repeat(deps, instance, part, item.unknown_since):
        return _put_off(deps, unit, item, instance, detail, None)
    if unknown_outcomes.can_ask(instance):
        _ask_later(deps, unit, instance, item, 0.0, detail)
        return False
    return _give_up(deps, unit, item, instance, detail)


def _may_repeat(deps: Deps, instance: Instance, part: Part, since: datetime) -> bool:
    repeats = ability(instance.adapter, SupportsRepeats)
    return repeats is not None and repeats.may_repeat(part.payload, since, deps.now())


def _ask_later(deps: Deps, unit: UnitOfWork, instance: Instance, item: OutboxItem, pause: float, detail: str) -> None:
    """What becomes of the message is asked in a while; the message itself is shown as on its way until then."""
    item.status, item.reason, item.error = OutboxStatus.FAILED, OUTCOME_UNKNOWN, detail
    item.updated_at = deps.now()
    item.next_retry_at = item.due_at = item.updated_at + timedelta(seconds=pause)
    unit.commit()
    pacing.wake_after(deps, item, instance, pause)


def _look_up(deps: Deps, unit: UnitOfWork, instance: Instance, item: OutboxItem) -> bool:
    """Ask the provider what became of an item, a few times: it may show a message only after a while."""
    part = parts.next_part(instance, item)
    detail = item.error or ""
    item.lookups += 1
    try:
        sent = unknown_outcomes.ask(deps, unit, instance, item, part)
    except (HubError, ValueError) as error:
        log.warning("a provider does not tell what it has", extra={"message_id": item.id, "why": str(error)})
        sent = None
    if sent is not None:
        _record(deps, instance, item, sent, part)
        return True
    if item.lookups < MAX_LOOKUPS:
        _ask_later(deps, unit, instance, item, _backoff(deps, item.lookups), detail)
        return False
    return _give_up(deps, unit, item, instance, f"{detail}; the provider was asked and does not show it")


def _give_up(deps: Deps, unit: UnitOfWork, item: OutboxItem, instance: Instance, detail: str) -> bool:
    if instance.resend_unknown:
        return _put_off(deps, unit, item, instance, detail, None)
    _mark_dead(deps, unit, item, OUTCOME_UNKNOWN, detail, instance)
    return True


def _settle_unfinished(deps: Deps, unit: UnitOfWork, item: OutboxItem, now: datetime) -> bool:
    if item.due_at and item.due_at > now:
        raise Conflict
    instance = instance_lookup.find_for_webhook(deps, instance_id=item.instance_id)
    detail = "the sender stopped before it could write down what became of the message"
    return _settle_unknown(deps, unit, item, instance, detail)


def _mark_dead(
    deps: Deps, unit: UnitOfWork, item: OutboxItem, reason: str, detail: str, instance: Instance | None
) -> None:
    """Settle an item that will not be sent again by itself, unless somebody else has settled it meanwhile."""
    outcomes.record_dead(unit, item, deps.now(), reason, detail, instance)
    unit.commit()
    metrics.message_dead(instance, item, reason, detail)


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
    instance = instance_lookup.find_for_webhook(deps, instance_id=item.instance_id)
    try:
        _settle_unknown(deps, unit, item, instance, "the hub stopped while it was sending the message")
    except Conflict:  # a worker of this process was faster
        return False
    return True
