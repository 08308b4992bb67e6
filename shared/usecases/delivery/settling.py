"""What becomes of an item that was claimed: sent, tried again, asked after, or dead.

What was raised decides, and a function of its own stores it:

- nothing: `record`, the item is SENT, or its next part is due;
- `ProviderRejected`, `BadRequest`: `settle_refusal`, mostly DEAD;
- `ProviderUnavailable`: `settle_unavailable`, FAILED until the next try, DEAD after the last one;
- `OutcomeUnknown`: `settle_unknown`, the provider is asked what became of it, and the item is FAILED until it tells.

The three `settle_…` return whether the item is settled, so that what follows on the same instance need not wait.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from shared import pseudorandom
from shared.channel.outbound import Sent
from shared.channel.settle import SupportsRepeats
from shared.channels import ability
from shared.deps import Deps
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.instances import Instance
from shared.domain.outbox import OUTCOME_UNKNOWN, OUTSIDE_WINDOW, OutboxItem, OutboxStatus
from shared.errors import (
    BadRequest,
    Conflict,
    ConnectionLost,
    HubError,
    ProviderDown,
    ProviderRejected,
    ProviderUnavailable,
    RecipientOptedOut,
)
from shared.usecases.customers import consent
from shared.usecases.delivery import outages, pacing
from shared.usecases.instances import connection_state, instance_lookup, instance_operations, pairing_turns
from shared.usecases.outbox import outcomes, parts, unknown_outcomes
from shared.usecases.outbox.parts import Part
from shared.usecases.reporting import metrics

log = logging.getLogger(__name__)

MAX_ATTEMPTS = 12
MAX_LOOKUPS = 3
"""How often a provider is asked what became of one message."""

_LONGEST_HOLD = timedelta(seconds=60)


def still_claimed(unit: UnitOfWork, item: OutboxItem) -> OutboxItem:
    """The item that this worker claimed; `Conflict` when its lease ran out and somebody settled it."""
    current = unit.outbox.owned_or_none(item.tenant_id, item.id)
    # The end of the lease stands for the claim: each claim writes another.
    if current is None or current.due_at != item.due_at:
        raise Conflict
    return current


def record(deps: Deps, instance: Instance, item: OutboxItem, sent: Sent, part: Part) -> None:
    """The part was sent."""
    outcomes.record_sent(deps, instance, item, sent, part)
    if part.is_last and not item.is_change:
        metrics.message_sent(instance, item, deps.now())


def settle_refusal(
    deps: Deps, unit: UnitOfWork, item: OutboxItem, instance: Instance, error: ProviderRejected | BadRequest
) -> bool:
    """It cannot be sent, unless the refusal comes of a pairing that is under way."""
    if instance_operations.can_pair(instance) and pairing_turns.is_under_way(deps, instance):
        instance_lookup.forget(deps, instance)
        return _put_off(deps, unit, still_claimed(unit, item), instance, error.detail, None)
    is_too_late = isinstance(error, ProviderRejected) and error.reason == OUTSIDE_WINDOW
    reason = OUTSIDE_WINDOW if is_too_late else "rejected"
    mark_dead(deps, unit, still_claimed(unit, item), reason, error.detail, instance)
    if isinstance(error, RecipientOptedOut):
        consent.note_refusal(deps, instance, item, error)
    return True


def settle_unavailable(
    deps: Deps, unit: UnitOfWork, item: OutboxItem, instance: Instance, error: ProviderUnavailable
) -> bool:
    """It is tried again; where the provider serves nobody, once that has changed."""
    # What failed may be something else that the message needs, such as the server of its file.
    may_be_down = isinstance(error, ProviderDown) or item.attempts >= MAX_ATTEMPTS
    is_down = may_be_down and not outages.is_reachable(deps, instance)
    if error.retry_after and not is_down:
        pacing.rest(deps, instance, error.retry_after)
    is_settled = _put_off(
        deps, unit, still_claimed(unit, item), instance, error.detail, error.retry_after, is_down=is_down
    )
    if is_down:
        outages.begin(deps, instance, error.detail)
    if isinstance(error, ConnectionLost):
        connection_state.lose_link(deps, instance, error.detail)
    return is_settled


def hold(deps: Deps, unit: UnitOfWork, item: OutboxItem, instance: Instance) -> bool:
    """The provider serves nobody: leave the item untouched until a check wakes it, or for three days at the most."""
    now = deps.now()
    if now - item.created_at > outages.LONGEST:
        mark_dead(deps, unit, item, "retries_exhausted", "the provider could not be reached for days", instance)
        return True
    # The check that finds the provider back wakes it; the sweep is for a check that came a moment too early.
    item.next_retry_at = item.due_at = now + _LONGEST_HOLD
    item.updated_at = now
    unit.commit()
    return False


def settle_unknown(deps: Deps, unit: UnitOfWork, item: OutboxItem, instance: Instance | None, detail: str) -> bool:
    """Nobody knows whether the provider has it, unless its echo has come or the provider can be asked.

    What cannot be found out a person decides, unless the instance says to send again.
    """
    if instance is None:
        mark_dead(deps, unit, item, OUTCOME_UNKNOWN, detail, None)
        return True
    if item.is_change:  # May be done twice.
        return _put_off(deps, unit, item, instance, detail, None)
    item.unknown_since, item.lookups = item.updated_at, 0  # when it was claimed
    part = parts.next_part(instance, item)
    echo = unknown_outcomes.stored_echo(unit, instance, item, part)
    if echo is not None:
        record(deps, instance, item, echo, part)
        return True
    unknown_outcomes.remember(deps, item)
    if _may_repeat(deps, instance, part, item.unknown_since):
        return _put_off(deps, unit, item, instance, detail, None)
    if unknown_outcomes.can_ask(instance):
        _ask_later(deps, unit, instance, item, 0.0, detail)
        return False
    return _give_up(deps, unit, item, instance, detail)


def look_up(deps: Deps, unit: UnitOfWork, instance: Instance, item: OutboxItem) -> bool:
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
        record(deps, instance, item, sent, part)
        return True
    if item.lookups < MAX_LOOKUPS:
        _ask_later(deps, unit, instance, item, _backoff(deps, item.lookups), detail)
        return False
    return _give_up(deps, unit, item, instance, f"{detail}; the provider was asked and does not show it")


def mark_dead(
    deps: Deps, unit: UnitOfWork, item: OutboxItem, reason: str, detail: str, instance: Instance | None
) -> None:
    """Settle an item that will not be sent again by itself, unless somebody else has settled it meanwhile."""
    outcomes.record_dead(deps, unit, item, reason, detail, instance)
    unit.commit()
    unit.run_after_commit()
    metrics.message_dead(instance, item, reason, detail)


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
        mark_dead(deps, unit, item, "retries_exhausted", detail, instance)
        return True
    pause = max(_backoff(deps, item.attempts), retry_after or 0.0)
    outcomes.record_unavailable(deps, unit, item, pause, detail)
    unit.commit()
    unit.run_after_commit()
    metrics.message_postponed(instance, item, pause, detail)
    pacing.wake_after(deps, item, instance, pause)
    return False


def _backoff(deps: Deps, attempts: int) -> float:
    settings = deps.settings
    longest: float = min(settings.retry_max_seconds, settings.retry_min_seconds * 2 ** (attempts - 1))
    # Many items that failed together should not come back together.
    return longest * pseudorandom.uniform(0.8, 1.0) if attempts > 1 else longest


def _may_repeat(deps: Deps, instance: Instance, part: Part, since: datetime) -> bool:
    repeats = ability(instance.adapter, SupportsRepeats)
    return repeats is not None and repeats.may_repeat(deps, instance, part.payload, since)


def _ask_later(deps: Deps, unit: UnitOfWork, instance: Instance, item: OutboxItem, pause: float, detail: str) -> None:
    """What becomes of the message is asked in a while; the message itself is shown as on its way until then."""
    item.status, item.reason, item.error = OutboxStatus.FAILED, OUTCOME_UNKNOWN, detail
    item.updated_at = deps.now()
    if item.lookups == 0:
        item.note_failure(item.updated_at, OUTCOME_UNKNOWN, detail)
    item.next_retry_at = item.due_at = item.updated_at + timedelta(seconds=pause)
    unit.commit()
    pacing.wake_after(deps, item, instance, pause)


def _give_up(deps: Deps, unit: UnitOfWork, item: OutboxItem, instance: Instance, detail: str) -> bool:
    if instance.resend_unknown:
        return _put_off(deps, unit, item, instance, detail, None)
    mark_dead(deps, unit, item, OUTCOME_UNKNOWN, detail, instance)
    return True
