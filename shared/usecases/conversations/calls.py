"""Calls: one document each, counted once, told in the conversation they belong to.

    calls/{hash of instance and the provider's id}    where the call stands

A call that nobody ended is closed by the sweep, so that what is shown as going on does.
"""

from __future__ import annotations

from datetime import timedelta

from shared.deps import Deps
from shared.domain.calls import Call, CallState, later_state
from shared.domain.conversations import Conversation
from shared.domain.ids import stable_id
from shared.domain.inbound import CallChanged
from shared.domain.instances import Instance
from shared.domain.messages import Author, Direction, Message, MessageStatus
from shared.errors import AlreadyExists, Conflict
from shared.ports.store import Create, Document, Merge, Set, Where, Write
from shared.usecases import realtime, refs
from shared.usecases.reporting import counters
from shared.usecases.retrying import decide

LONGEST = timedelta(hours=4)
"""After this long an open call counts as ended although nobody said so."""


def change(deps: Deps, instance: Instance, what: CallChanged) -> None:
    """Take in what a provider tells of a call, in whatever order and however often it does.

    The call's document, the counters and the note are one commit.
    """
    note = decide(lambda: _attempt(deps, instance, what))
    if note is not None:
        realtime.message_created(deps, note)


def _attempt(deps: Deps, instance: Instance, what: CallChanged) -> Message | None:
    ref = refs.call(instance.id, what.external_call_id)
    document = deps.store.get([ref]).get(ref)
    before = Call.model_validate(document.data) if document else None
    if before is None and what.if_known:
        return None
    conversation = _conversation(deps, instance, what, before)
    known = before or _new(instance, what, ref.id)
    after = _advanced(known, what, conversation)
    note = _note(deps, after, what, conversation) if before is None or _tells(before, what) else None
    writes = _writes(deps, before, after, document, what)
    if not writes and note is None:
        return None
    try:
        deps.store.commit([*writes, *_note_writes(note)])
    except AlreadyExists as clash:
        if before is None and (note is None or clash.ref != refs.message(note.id)):
            raise Conflict(ref) from clash
        if writes:  # The note is there already: this was told before.
            deps.store.commit(writes)
        return None
    return note


def _conversation(deps: Deps, instance: Instance, what: CallChanged, before: Call | None) -> Conversation | None:
    """The call's conversation: the one it began in, else the one that is open with whoever it is with."""
    conversation_id = before.conversation_id if before else None
    if conversation_id is None:
        ref = refs.identity(instance.id, what.chat_key)
        identity = deps.store.get([ref]).get(ref)
        conversation_id = identity.data.get("conversation_id") if identity else None
    if conversation_id is None:
        return None
    ref = refs.conversation(str(conversation_id))
    document = deps.store.get([ref]).get(ref)
    return Conversation.model_validate(document.data) if document else None


def _new(instance: Instance, what: CallChanged, call_id: str) -> Call:
    return Call(
        id=call_id,
        tenant_id=instance.tenant_id,
        instance_id=instance.id,
        channel=instance.type,
        external_call_id=what.external_call_id,
        started_at=what.at,
        updated_at=what.at,
    )


def _advanced(call: Call, what: CallChanged, conversation: Conversation | None) -> Call:
    """The call with what is new in the event; what is known stays."""
    state = later_state(call.state, what.state)
    ends = state is CallState.ENDED and call.ended_at is None
    return call.model_copy(
        update={
            "conversation_id": call.conversation_id or (conversation.id if conversation else None),
            "state": state,
            "open": state is not CallState.ENDED,
            "outcome": call.outcome or what.outcome,
            "seconds": what.seconds if call.seconds is None else call.seconds,
            "quality": what.quality if call.quality is None else call.quality,
            "started_at": min(call.started_at, what.at),
            "ended_at": max(what.at, call.started_at) if ends else call.ended_at,
            "updated_at": max(call.updated_at, what.at),
        }
    )


def _tells(before: Call, what: CallChanged) -> bool:
    """Whether the note is news: it has a key of its own, or the call went on with this event."""
    return what.note_key is not None or later_state(before.state, what.state) is not before.state


def _writes(deps: Deps, before: Call | None, after: Call, document: Document | None, what: CallChanged) -> list[Write]:
    if after == before:
        return []
    ref, data = refs.call(after.instance_id, after.external_call_id), after.model_dump()
    writes: list[Write] = [Set(ref, data, document.version) if document else Create(ref, data)]
    counted = {"calls": int(before is None)} | _learned(before, after)
    if any(counted.values()):
        shard = after.conversation_id or after.id
        writes += counters.correct(
            after.tenant_id, after.instance_id, after.channel, shard, what.at, deps.now(), **counted
        )
    return writes


def _learned(before: Call | None, after: Call) -> dict[str, float]:
    """What is counted the moment it is first known."""
    counted: dict[str, float] = {}
    if after.seconds and (before is None or before.seconds is None):
        counted["call_seconds"] = after.seconds
    if after.quality is not None and (before is None or before.quality is None):
        counted |= {"quality_sum": after.quality, "quality_count": 1}
    return counted


def _note(deps: Deps, call: Call, what: CallChanged, conversation: Conversation | None) -> Message | None:
    if what.note is None or conversation is None:
        return None
    return Message(
        id=stable_id("call", call.id, what.note_key or what.state.value),
        tenant_id=call.tenant_id,
        instance_id=call.instance_id,
        conversation_id=conversation.id,
        customer_id=conversation.customer_id,
        direction=Direction.SYSTEM,
        author=Author.SYSTEM,
        text=what.note,
        status=MessageStatus.RECEIVED,
        sent_at=deps.now(),
        created_at=deps.now(),
    )


def _note_writes(note: Message | None) -> list[Write]:
    return [Create(refs.message(note.id), note.model_dump())] if note else []


def count_open(deps: Deps, instance_id: str) -> int:
    """How many calls go on at an instance; the store's index counts them."""
    return deps.store.count("calls", [Where("instance_id", "==", instance_id), Where("open", "==", True)])


def overdue(deps: Deps) -> list[Where]:
    """What finds the calls to close, by `started_at`."""
    return [Where("open", "==", True), Where("started_at", "<=", deps.now() - LONGEST)]


def close_overdue(deps: Deps, document: Document) -> None:
    """End a call that nobody ended; how long it took, should the provider tell yet, is still counted."""
    now = deps.now()
    ended = {
        "state": CallState.ENDED.value,
        "open": False,
        "outcome": "unknown",
        "ended_at": now,
        "updated_at": now,
    }
    try:
        deps.store.commit([Merge(document.ref, ended, document.version)])
    except Conflict:
        return
