"""What comes for something that is gone meanwhile changes nothing, and fails nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from shared.deps import Deps
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.conversations import Conversation
from shared.domain.customers import Identity
from shared.domain.events import InboundEvent, ReplyEvent, Topic
from shared.domain.inbound import ConnectionChanged, PairingCodeIssued
from shared.domain.instances import Instance, InstanceStatus, Removal
from shared.domain.kinds import Consent
from shared.domain.outbox import OutboxItem, OutboxPayload
from shared.ports.store import Create, Delete, Merge
from shared.usecases.campaigns import campaign_sending
from shared.usecases.conversations import assignment, file_copying, presence, ratings
from shared.usecases.delivery import outages, status_checks
from shared.usecases.delivery.delivery import deliver
from shared.usecases.endpoints import delivering
from shared.usecases.ingest.normalize import normalize
from shared.usecases.instances import connection_state, instance_connection, instance_lookup, lost_secrets
from shared.usecases.outbox import unknown_outcomes
from shared.usecases.replies import replies
from tests import refs
from tests.documents import a_message, an_instance
from tests.overlaps import overlapping
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


def _nothing(_: object) -> dict[str, object]:
    raise AssertionError("there is no event to tell")


_ACTS: dict[str, Callable[[Deps], object]] = {
    "a person": lambda deps: assignment.attend(deps, "t1", "nobody"),
    "a team": lambda deps: assignment.assign_waiting(deps, "t1", "no team"),
    "a file": lambda deps: file_copying.copy_file(deps, "t1", "no copy"),
    "a campaign": lambda deps: campaign_sending.send_batch(deps, "t1", "no campaign", None),
    "who types": lambda deps: presence.customer_types(deps, BOT, "5"),
    "an outage": lambda deps: outages.begin(deps, BOT, "down"),
    "a longer outage": lambda deps: outages.go_on(deps, BOT.model_copy(update={"down_since": deps.now()}), "down"),
    "the end of an outage": lambda deps: outages.end(deps, BOT),
    "a check": lambda deps: status_checks.check(deps, "t1", BOT.id, None),
    "a webhook": lambda deps: delivering.deliver(deps, "t1", "no webhook", "", _nothing),
    "a lane": lambda deps: delivering.deliver(deps, "t1", "no webhook", "a lane", _nothing),
    "a confirmation": lambda deps: replies.reply(deps, _reply_to_nothing(Consent.OPT_OUT)),
    "an answer": lambda deps: replies.reply(deps, _reply_to_nothing(None)),
    "a message of unknown outcome": lambda deps: unknown_outcomes.remember(deps, _unsettled_item(deps)),
    "a message": lambda deps: deliver(deps, "t1", "no conversation"),
}


@pytest.mark.parametrize("name", _ACTS)
def test_what_is_to_be_done_for_something_that_is_gone_is_not_done(deps: Deps, name: str) -> None:
    _ACTS[name](overlapping(deps))
    assert [deps.store.count(name) for name in ("messages", "outbox", "notifications", "instances")] == [0, 0, 0, 0]


def _reply_to_nothing(consent: Consent | None) -> ReplyEvent:
    return ReplyEvent(tenant_id="t1", conversation_id="c1", message_id="m1", consent=consent)


def test_a_confirmation_for_a_channel_that_is_gone_is_not_sent(deps: Deps) -> None:
    conversation, message = _conversation(deps), a_message(conversation_id="c1", text="STOP")
    unit = UnitOfWork(deps.store)
    unit.conversations.add(conversation)
    unit.messages.add(message)
    unit.commit()
    event = ReplyEvent(tenant_id="t1", conversation_id="c1", message_id=message.id, consent=Consent.OPT_OUT)
    replies.reply(deps, event)
    assert deps.store.count("outbox") == 0
    _store(deps, BOT)
    instance_lookup.forget(deps, BOT)
    for _ in range(2):
        replies.reply(deps, event)
    assert deps.store.count("outbox") == 1


def test_an_outage_that_only_a_cache_knows_of_is_over(deps: Deps) -> None:
    down = BOT.model_copy(update={"down_since": deps.now()})
    assert outages.is_over(deps, down) is True
    _store(deps, down)
    assert instance_lookup.cached(deps, "t1", BOT.id) == down
    assert outages.is_over(deps, down) is False
    deps.store.commit([Merge(refs.instance(BOT.id), {"down_since": None})])
    assert outages.is_over(deps, down) is True
    cached = instance_lookup.cached(deps, "t1", BOT.id)
    assert cached is not None
    assert cached.down_since is None, "the others must not wait for the end of the cache's life"


def test_a_provider_that_tells_no_status_counts_as_reachable(deps: Deps) -> None:
    assert outages.is_reachable(deps, an_instance("widget", id="b" * 24)) is True


def _unsettled_item(deps: Deps) -> OutboxItem:
    payload = OutboxPayload(conversation_id="c1", external_user_id="5", text="hello")
    return OutboxItem(
        id="m1",
        tenant_id="t1",
        conversation_id="c1",
        instance_id=BOT.id,
        payload=payload,
        created_at=deps.now(),
        updated_at=deps.now(),
    )


def test_a_deployment_without_channels_has_no_default(deps: Deps) -> None:
    assert instance_lookup.find_cached(deps, default=True) is None
