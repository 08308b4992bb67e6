"""What comes for something that is gone meanwhile changes nothing, and fails nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.deps import Deps
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.conversations import Conversation
from shared.domain.customers import Identity
from shared.domain.events import InboundEvent, Topic
from shared.domain.inbound import ConnectionChanged, PairingCodeIssued
from shared.domain.instances import Instance, InstanceStatus, Removal
from shared.ports.store import Create, Delete, Merge
from shared.usecases.conversations import ratings
from shared.usecases.ingest.normalize import normalize
from shared.usecases.instances import connection_state, instance_connection, instance_lookup, lost_secrets
from tests import refs
from tests.documents import a_message, an_instance
from tests.pipeline.hub import UPDATE
from tests.pipeline.manual_hub import ManualHub
from tests.pipeline.sending import accepted, fate
from tests.recording_bus import RecordingBus

BOT = an_instance("telegram_bot", id="a" * 24)
WHATSAPP = an_instance("whatsapp_evolution")


def _store(deps: Deps, instance: Instance) -> None:
    deps.store.commit([Create(refs.instance(instance.id), instance.model_dump())])


@pytest.mark.parametrize("tenant_id", [None, "another"], ids=["no channel", "another tenant's channel"])
def test_an_event_of_a_channel_that_is_gone_is_dropped(deps: Deps, tenant_id: str | None) -> None:
    if tenant_id:
        _store(deps, BOT.model_copy(update={"tenant_id": tenant_id}))
    event = InboundEvent(
        tenant_id="t1", instance_id=BOT.id, channel="telegram_bot", payload=UPDATE, received_at=deps.now()
    )
    normalize(deps, event)
    assert [deps.store.count(name) for name in ("messages", "notifications")] == [0, 0]


def test_an_event_of_a_channel_that_is_there_is_read(deps: Deps) -> None:
    _store(deps, BOT)
    event = InboundEvent(
        tenant_id="t1", instance_id=BOT.id, channel="telegram_bot", payload=UPDATE, received_at=deps.now()
    )
    normalize(deps, event)
    assert deps.store.count("messages") == 1


def test_the_state_of_a_channel_that_is_gone_is_neither_stored_nor_told(deps: Deps) -> None:
    bus = RecordingBus(deps.bus)
    deps = replace(deps, bus=bus)
    connection_state.apply_connection(deps, WHATSAPP, ConnectionChanged(status=InstanceStatus.CONNECTED))
    connection_state.apply_pairing_code(deps, WHATSAPP, PairingCodeIssued(text="2@code", png_base64=None), deps.now())
    connection_state.note_stray(deps, WHATSAPP, "another account")
    assert (deps.store.count("instances"), bus.published) == (0, [])


def test_a_channel_of_an_adapter_that_is_gone_stays_as_it_is(deps: Deps) -> None:
    instance = WHATSAPP.model_copy(update={"adapter": "imagined"})
    assert instance_connection.connect(deps, instance) == instance
    assert deps.store.count("instances") == 0


def _conversation(deps: Deps) -> Conversation:
    identity = Identity(
        id="x1", tenant_id="t1", instance_id=BOT.id, external_user_id="5", customer_id="p1", created_at=deps.now()
    )
    conversation = Conversation.start("c1", BOT, identity, deps.now())
    return conversation.model_copy(update={"last_inbound_message_id": "m1"})


@pytest.mark.parametrize("adapter", [None, "imagined"], ids=["no channel", "no adapter"])
def test_nobody_is_asked_for_a_rating_on_a_channel_that_is_gone(deps: Deps, adapter: str | None) -> None:
    if adapter:
        _store(deps, BOT.model_copy(update={"adapter": adapter}))
    assert ratings.send_survey(deps, UnitOfWork(deps.store), _conversation(deps)) is False


def test_a_rating_of_a_conversation_that_is_gone_is_not_stored(deps: Deps) -> None:
    conversation = _conversation(deps)
    chat = Identity(
        id="x1", tenant_id="t1", instance_id=BOT.id, external_user_id="5", customer_id="p1", created_at=deps.now()
    )
    message = a_message(conversation_id=conversation.id, text="5")
    unit = UnitOfWork(deps.store)
    assert ratings.store_survey_answer(deps, unit, chat, message, 5) is None
    unit.commit()
    assert (chat.last_inbound_at, deps.store.count("ratings"), deps.store.count("stats")) == (None, 0, 0)


@pytest.mark.parametrize("ending", ["", "-tools"])
def test_a_lost_secret_that_belongs_to_nothing_is_deleted(deps: Deps, ending: str) -> None:
    name = f"instance-{BOT.id}{ending}"
    deps.secrets.write(name, {"bot_token": "7:token"})
    lost_secrets.mark(deps, [name])
    assert deps.secrets.read(name) == {}


@pytest.mark.parametrize("standing", ["there", "deleted", "being removed"])
def test_a_lost_secret_of_a_channel_stays_until_it_is_entered_again(deps: Deps, standing: str) -> None:
    if standing == "being removed":
        removal = Removal(id=BOT.id, instance=BOT, due_at=deps.now(), created_at=deps.now())
        unit = UnitOfWork(deps.store)
        unit.removals.add(removal)
        unit.commit()
    else:
        _store(deps, BOT)
    if standing == "deleted":
        deps.store.commit([Merge(refs.instance(BOT.id), {"status": InstanceStatus.DELETED})])
    name = f"instance-{BOT.id}"
    deps.secrets.write(name, {"bot_token": "7:token"})
    lost_secrets.mark(deps, [name, "another kind of secret"])
    assert deps.secrets.read(name) == {"bot_token": "7:token"}
    instance = UnitOfWork(deps.store).instances.of_any_tenant(BOT.id)
    status = {"there": InstanceStatus.ERROR, "deleted": InstanceStatus.DELETED, "being removed": None}
    assert (instance and instance.status) == status[standing]


def test_a_message_on_a_channel_whose_adapter_is_gone_is_given_up(manual_hub: ManualHub) -> None:
    channel_id = manual_hub.telegram()
    message_id, _ = accepted(manual_hub, channel_id)
    channel = instance_lookup.by_id(manual_hub.deps, manual_hub.tenant_id, channel_id)
    manual_hub.store.commit([Merge(refs.instance(channel_id), {"adapter": "imagined"})])
    instance_lookup.forget(manual_hub.deps, channel)
    manual_hub.work(Topic.OUTBOUND)
    assert fate(manual_hub, message_id) == "DEAD"
    assert manual_hub.sent_texts() == []


def test_the_room_of_a_session_whose_channel_is_gone_lets_nobody_in(manual_hub: ManualHub) -> None:
    channel_id = manual_hub.telegram()
    manual_hub.writes(channel_id, "hello")
    manual_hub.store.commit([Delete(refs.instance(channel_id))])
    refused = manual_hub.post(f"/sessions/{manual_hub.conversation().id}/video-token", {}, 422)
    assert "channel is gone" in refused["detail"]
