"""Calls: in whatever order their events arrive, each is one document, counted and reported once."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest

from shared.deps import Deps
from shared.documents import ids
from shared.domain.calls import Call, CallState
from shared.domain.customers import Identity
from shared.domain.inbound import CallChanged
from shared.domain.instances import Instance
from shared.ports.store import Set
from shared.usecases.conversations import calls
from shared.usecases.reporting import analytics
from shared.usecases.sweep import sweep
from tests import refs
from tests.documents import a_conversation, an_instance
from tests.recording_bus import RecordingBus

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.fixture
def deps(deps: Deps) -> Deps:
    return dataclasses.replace(deps, now=lambda: NOON + timedelta(minutes=10))


@pytest.fixture
def instance() -> Instance:
    return an_instance("voice")


def call_changed(state: CallState, minute: int, **more: Any) -> CallChanged:
    defaults: dict[str, Any] = {"external_call_id": "CA1", "chat_key": "+1415", "at": NOON + timedelta(minutes=minute)}
    return CallChanged(state=state, **(defaults | more))


EVENTS = (
    call_changed(CallState.RINGING, 0),
    call_changed(CallState.LIVE, 1),
    call_changed(CallState.ENDED, 3, seconds=120.0, outcome="completed"),
    call_changed(CallState.ENDED, 4, quality=4.5),
)


def stored(deps: Deps, id_: str = "CA1") -> Call:
    ref = refs.call("i1", id_)
    return Call.model_validate(deps.store.get([ref])[ref].data)


def counted(deps: Deps) -> tuple[int, float, float, int]:
    counters = analytics.instance_counters(deps, "t1", ["i1"])["i1"]
    return counters.calls, counters.call_seconds, counters.quality_sum, counters.quality_count


@pytest.mark.parametrize("order", list(permutations(range(4))), ids=str)
def test_any_order_and_any_repetition_come_to_the_same(deps: Deps, instance: Instance, order: tuple[int, ...]) -> None:
    for number in (*order, *order):
        calls.change(deps, instance, EVENTS[number])
    call = stored(deps)
    assert (call.state, call.open, call.seconds, call.quality) == (CallState.ENDED, False, 120.0, 4.5)
    assert (call.started_at, call.outcome) == (NOON, "completed")
    assert counted(deps) == (1, 120.0, 4.5, 1)
    assert calls.count_open(deps, "i1") == 0


def test_calls_that_go_on_are_counted_by_instance(deps: Deps, instance: Instance) -> None:
    for number in range(3):
        calls.change(deps, instance, call_changed(CallState.LIVE, 0, external_call_id=f"CA{number}"))
    calls.change(deps, instance, call_changed(CallState.ENDED, 1, external_call_id="CA0", seconds=5.0))
    assert calls.count_open(deps, "i1") == 2
    assert calls.count_open(deps, "another") == 0


def test_what_only_adds_to_a_call_begins_none(deps: Deps, instance: Instance) -> None:
    calls.change(deps, instance, call_changed(CallState.ENDED, 0, if_known=True))
    assert deps.store.count("calls") == 0


def test_a_call_that_nobody_ended_ends_after_four_hours_and_its_length_still_counts(
    deps: Deps, instance: Instance
) -> None:
    calls.change(deps, instance, call_changed(CallState.LIVE, 0))
    calls.change(deps, instance, call_changed(CallState.LIVE, 9, external_call_id="CA2"))
    later = dataclasses.replace(deps, now=lambda: NOON + timedelta(hours=4, minutes=5))
    assert sweep(later)["calls_closed"] == 1
    assert (stored(deps).state, stored(deps).outcome, stored(deps, "CA2").open) == (CallState.ENDED, "unknown", True)
    assert sweep(later)["calls_closed"] == 0
    calls.change(later, instance, call_changed(CallState.ENDED, 300, seconds=60.0))
    assert counted(later)[:2] == (2, 60.0)


def test_a_call_that_ended_does_not_begin_anew(deps: Deps, instance: Instance) -> None:
    calls.change(deps, instance, call_changed(CallState.ENDED, 3, seconds=0.0, outcome="busy"))
    calls.change(deps, instance, call_changed(CallState.RINGING, 0))
    assert (stored(deps).open, stored(deps).outcome, stored(deps).started_at) == (False, "busy", NOON)


def _in_conversation(deps: Deps, instance: Instance, conversation_id: str = "c1") -> None:
    """The caller has written before: their address has an open conversation."""
    identity_id = ids.identity(instance.id, "+1415")
    identity = Identity(
        id=identity_id,
        tenant_id="t1",
        instance_id=instance.id,
        external_user_id="+1415",
        customer_id="p1",
        conversation_id=conversation_id,
        created_at=deps.now(),
    )
    conversation = a_conversation(id=conversation_id, instance_id=instance.id, identity_id=identity_id)
    deps.store.commit(
        [
            Set(refs.identity(instance.id, "+1415"), identity.model_dump()),
            Set(refs.conversation(conversation_id), conversation.model_dump()),
        ]
    )


def _notes(deps: Deps) -> list[tuple[str, str]]:
    """Conversation and text of each note, in the order of their texts."""
    documents = deps.store.find("messages").documents
    return sorted((str(each.data["conversation_id"]), str(each.data["text"])) for each in documents)


def test_what_happens_on_a_call_is_noted_once_in_the_conversation_that_it_began_in(
    deps: Deps, instance: Instance
) -> None:
    began = call_changed(CallState.LIVE, 1, note="The call began")
    calls.change(deps, instance, began)
    assert _notes(deps) == [], "nobody has a conversation with them yet"
    _in_conversation(deps, instance)
    for event in (
        call_changed(CallState.LIVE, 1, note="The call began", external_call_id="CA2"),
        call_changed(CallState.LIVE, 1, note="The call began", external_call_id="CA2"),
        call_changed(CallState.LIVE, 2, note="Ada joined", note_key="a", external_call_id="CA2"),
        call_changed(CallState.LIVE, 2, note="Ada joined", note_key="a", external_call_id="CA2"),
        call_changed(CallState.LIVE, 2, note="Bob joined", note_key="b", external_call_id="CA2"),
        call_changed(CallState.LIVE, 2, external_call_id="CA2"),
    ):
        calls.change(deps, instance, event)
    _in_conversation(deps, instance, "c2")
    calls.change(deps, instance, call_changed(CallState.ENDED, 3, note="It ended", external_call_id="CA2"))
    calls.change(deps, instance, call_changed(CallState.RINGING, 4, note="It rings", external_call_id="CA2"))
    assert _notes(deps) == [
        ("c1", "Ada joined"),
        ("c1", "Bob joined"),
        ("c1", "It ended"),
        ("c1", "The call began"),
    ], "what is told late of an earlier state is no news"
    assert {each.data["instance_id"] for each in deps.store.find("messages").documents} == {instance.id}
    assert stored(deps, "CA2").conversation_id == "c1"


def test_each_thing_that_a_call_tells_is_told_to_clients_once(deps: Deps, instance: Instance) -> None:
    bus = RecordingBus(deps.bus)
    recording = dataclasses.replace(deps, bus=bus)
    _in_conversation(deps, instance)
    for event in (
        call_changed(CallState.RINGING, 0),
        call_changed(CallState.RINGING, 0),
        call_changed(CallState.LIVE, 1, note="The call began"),
        call_changed(CallState.LIVE, 1, note="The call began"),
    ):
        calls.change(recording, instance, event)
    assert [event.name for event in bus.published].count("call-changed") == 2
    assert [event.name for event in bus.published].count("message-created") == 1
