"""Calls: one document each, counted once, noted in the conversation they belong to.

A call that nobody ended is closed by the sweep, so that those shown as going on do.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from shared.deps import Deps
from shared.documents import ids
from shared.documents.query import Query
from shared.documents.retry import run_with_retry
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.analytics import Counters
from shared.domain.calls import Call, CallState, later_state
from shared.domain.conversations import Conversation
from shared.domain.ids import stable_id
from shared.domain.inbound import CallChanged
from shared.domain.instances import Instance
from shared.domain.notes import system_note
from shared.usecases import realtime
from shared.usecases.reporting import counters

LONGEST = timedelta(hours=4)
"""After this long an open call counts as ended although no event said so."""

MOST = 50
"""Calls in progress that are listed."""


def change(deps: Deps, instance: Instance, event: CallChanged) -> None:
    """Apply what a provider reports of a call, in whatever order and however often it does.

    The call's document, the counters and the note are one commit.
    """
    run_with_retry(deps, lambda unit: _apply(deps, unit, instance, event))


def _apply(deps: Deps, unit: UnitOfWork, instance: Instance, event: CallChanged) -> None:
    call_id = ids.call(instance.id, event.external_call_id)
    call = unit.calls.owned_or_none(instance.tenant_id, call_id)
    if call is None and event.if_known:
        return
    conversation = _conversation(unit, instance, event, call)
    former = call.model_copy() if call else None
    call = call or unit.calls.add(_new(instance, event, call_id))
    _advance(call, event, conversation)
    _count(deps, unit, former, call, event)
    if former is None or former.state is not call.state:
        realtime.call_changed(deps, unit, call, conversation)
    if conversation is not None and (former is None or _is_news(former, event)):
        _add_note(deps, unit, call, event, conversation)


def _conversation(unit: UnitOfWork, instance: Instance, event: CallChanged, call: Call | None) -> Conversation | None:
    """The call's conversation: the one it began in, else the one that is open at the caller's address."""
    conversation_id = call.conversation_id if call else None
    if conversation_id is None:
        identity = unit.identities.owned_or_none(instance.tenant_id, ids.identity(instance.id, event.chat_key))
        conversation_id = identity.conversation_id if identity else None
    if conversation_id is None:
        return None
    return unit.conversations.owned_or_none(instance.tenant_id, conversation_id)


def _new(instance: Instance, event: CallChanged, call_id: str) -> Call:
    return Call(
        id=call_id,
        tenant_id=instance.tenant_id,
        instance_id=instance.id,
        channel=instance.type,
        external_call_id=event.external_call_id,
        started_at=event.at,
        updated_at=event.at,
    )


def _advance(call: Call, event: CallChanged, conversation: Conversation | None) -> None:
    """Write down what is new in the event; what the call has already stays."""
    call.conversation_id = call.conversation_id or (conversation.id if conversation else None)
    call.state = later_state(call.state, event.state)
    if call.state is CallState.ENDED and call.ended_at is None:
        call.ended_at = max(event.at, call.started_at)
    call.open = call.state is not CallState.ENDED
    call.outcome = call.outcome or event.outcome
    call.seconds = event.seconds if call.seconds is None else call.seconds
    call.quality = event.quality if call.quality is None else call.quality
    call.started_at = min(call.started_at, event.at)
    call.updated_at = max(call.updated_at, event.at)


def _count(deps: Deps, unit: UnitOfWork, former: Call | None, call: Call, event: CallChanged) -> None:
    """Count the call, its length and its quality, each by the event that tells it first."""
    amounts = Counters(calls=int(former is None))
    if call.seconds and (former is None or former.seconds is None):
        amounts.call_seconds = call.seconds
    if call.quality is not None and (former is None or former.quality is None):
        amounts.quality_sum, amounts.quality_count = call.quality, 1
    if amounts.nonzero():
        source = counters.Source(call.tenant_id, call.instance_id, call.channel, call.conversation_id or call.id)
        counters.correct(unit, source, event.at, deps.now(), amounts)


def _is_news(former: Call, event: CallChanged) -> bool:
    """Whether the event's note is news: it has a key of its own, or the call went on with this event."""
    return event.note_key is not None or later_state(former.state, event.state) is not former.state


def _add_note(deps: Deps, unit: UnitOfWork, call: Call, event: CallChanged, conversation: Conversation) -> None:
    """Add the event's note to the conversation, unless it is there already."""
    note_id = stable_id("call", call.id, event.note_key or event.state.value)
    if event.note is None or unit.messages.collided_with(note_id) is not None:
        return
    note = system_note(conversation, note_id, event.note, deps.now())
    note.instance_id = call.instance_id
    unit.messages.add(note)
    realtime.message_created(deps, unit, note)


def count_open(deps: Deps, instance_id: str) -> int:
    """How many calls go on at an instance; the store's index counts them."""
    query = UnitOfWork(deps.store).calls.query().where(lambda call: call.instance_id, "==", instance_id)
    return query.where(lambda call: call.open, "==", True).count()


@dataclass(frozen=True, slots=True)
class OpenCall:
    """A call in progress, and whose it is where the call has a conversation."""

    call: Call
    conversation: Conversation | None


def list_open(deps: Deps, tenant_id: str) -> list[OpenCall]:
    """The tenant's calls in progress, the latest first, `MOST` at the most."""
    unit = UnitOfWork(deps.store)
    page = _open(unit, tenant_id).page(MOST).documents
    conversation_ids = [call.conversation_id for call in page if call.conversation_id]
    conversations = {each.id: each for each in unit.conversations.owned_many(tenant_id, conversation_ids)}
    latest_first = sorted(page, key=lambda call: call.started_at, reverse=True)
    return [OpenCall(call, conversations.get(call.conversation_id or "")) for call in latest_first]


def count_open_of_tenant(deps: Deps, tenant_id: str) -> int:
    """How many calls of the tenant are in progress; the store's index counts them."""
    return _open(UnitOfWork(deps.store), tenant_id).count()


def _open(unit: UnitOfWork, tenant_id: str) -> Query[Call]:
    query = unit.calls.query().where(lambda call: call.tenant_id, "==", tenant_id)
    return query.where(lambda call: call.open, "==", True)


def overdue(deps: Deps) -> Query[Call]:
    """The calls to close, the oldest first."""
    query = UnitOfWork(deps.store).calls.query().where(lambda call: call.open, "==", True)
    query = query.where(lambda call: call.started_at, "<=", deps.now() - LONGEST)
    return query.order_by(lambda call: call.started_at)


def close(deps: Deps, unit: UnitOfWork, call: Call) -> None:
    """End a call that nobody ended; how long it took, should the provider tell yet, is still counted."""
    call.state, call.open, call.outcome = CallState.ENDED, False, "unknown"
    call.ended_at = call.updated_at = deps.now()
    conversation = unit.conversations.owned_or_none(call.tenant_id, call.conversation_id or "")
    realtime.call_changed(deps, unit, call, conversation)
