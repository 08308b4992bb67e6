"""How fast an instance's messages go out: as its channel declares, and not at all while its provider wants a rest."""

from __future__ import annotations

from datetime import timedelta

from shared.channel import Pace
from shared.deps import Deps
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.instances import Instance
from shared.domain.outbox import OutboxItem
from shared.errors import LONGEST_PAUSE
from shared.security.pacing import Limit
from shared.usecases.outbox import enqueueing

# A pause up to this long is waited for on the bus; the sweep, once a minute, ends longer ones.
_LONGEST_BUS_PAUSE = 60.0


def wait_for_turn(deps: Deps, unit: UnitOfWork, instance: Instance, pace: Pace, item: OutboxItem) -> bool:
    """Count the item as sent now and return False; or, while its turn has not come, write down when it will be tried.

    Nothing was tried then, so nothing counts as an attempt. `item` belongs to the unit, which is committed then.
    """
    seconds = _seconds_to_wait(deps, instance, pace, item)
    if not seconds:
        return False
    wait(deps, unit, instance, item, seconds)
    return True


def wait(deps: Deps, unit: UnitOfWork, instance: Instance, item: OutboxItem, seconds: float) -> None:
    """Write down when the item will be tried, and commit the unit that it belongs to."""
    now = deps.now()
    item.next_retry_at = item.due_at = now + timedelta(seconds=seconds)
    item.updated_at = now
    unit.commit()
    wake_after(deps, item, instance, seconds)


def wake_after(deps: Deps, item: OutboxItem, instance: Instance | None, seconds: float) -> None:
    """Have the item's conversation looked at when it is due: by the bus, or by the sweep when that is long from now."""
    if seconds <= _LONGEST_BUS_PAUSE:
        enqueueing.wake(deps, item.tenant_id, item.conversation_id, instance, delay=seconds)


def wake_when_due(deps: Deps, item: OutboxItem) -> None:
    """Have a waiting item's conversation looked at at its time, any other's at once."""
    due = item.next_retry_at
    wake_after(deps, item, None, max(0.0, (due - deps.now()).total_seconds()) if due else 0.0)


def _seconds_to_wait(deps: Deps, instance: Instance, pace: Pace, item: OutboxItem) -> float:
    chat = None
    if pace.chat_seconds:
        chat = Limit(f"{instance.id}:{item.conversation_id}", pace.chat_seconds, pace.chat_burst)
    now = deps.now().timestamp()
    return deps.pacer.take(_account_limit(instance, pace, item), chat, now, waited=item.next_retry_at is not None)


def rest(deps: Deps, instance: Instance, seconds: float) -> None:
    """The provider said when to come again: until then nothing of this instance is sent."""
    for key in (instance.id, _replies_key(instance)):
        deps.pacer.pause(key, deps.now().timestamp() + seconds)


def _account_limit(instance: Instance, pace: Pace, item: OutboxItem) -> Limit:
    """The pace of the account: the instance's own before the channel's; 0 stands for no limit.

    An instance that sets only `pace_per_second` sets it for all that it sends.
    """
    replies_per_second = instance.replies_per_second
    if replies_per_second is None and instance.pace_per_second is None:
        replies_per_second = pace.replies_per_second
    if item.is_reply and replies_per_second is not None:
        # No burst: people who are answered at once do not notice a tenth of a second, and WhatsApp a hundred answers.
        return Limit(_replies_key(instance), _interval(replies_per_second))
    per_second = pace.per_second if instance.pace_per_second is None else instance.pace_per_second
    if not per_second:
        return Limit(instance.id, 0.0)
    return Limit(instance.id, _interval(per_second), pace.burst or max(1, round(per_second)))


def _interval(per_second: float) -> float:
    return min(1 / per_second, LONGEST_PAUSE) if per_second else 0.0


def _replies_key(instance: Instance) -> str:
    return f"{instance.id}:replies"
