"""Pairing, looking at, and ending connections, below every dialect."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from infra.bench.counting import CountingStore
from shared.channelkit.auth import AuthState, ChannelAuth
from shared.deps import Deps
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.inbound import ConnectionChanged, PairingCodeIssued
from shared.domain.instances import ChannelType, Instance, InstanceStatus, PairingCode, Removal
from shared.errors import BadRequest, NotFound, ProviderUnavailable
from shared.ports.store import Create, Delete, Merge, Ref, Set
from shared.usecases.delivery import status_checks
from shared.usecases.instances import (
    connection_state,
    instance_lookup,
    instance_operations,
    instances,
    pairing_turns,
    pairing_wait,
    removals,
)
from shared.usecases.instances.instances import NewInstance
from shared.usecases.instances.qr_pictures import png_base64
from tests.evolution import Evolution
from tests.overlaps import overlapping, overlaps
from tests.recording_bus import RecordingBus
from tests.stubs import Received, Reply, Stub


@pytest.fixture
def evolution(provider: Stub) -> Evolution:
    return Evolution(provider)


@pytest.fixture
def bus(deps: Deps) -> RecordingBus:
    return RecordingBus(deps.bus)


@pytest.fixture
def public(deps: Deps, bus: RecordingBus) -> Deps:
    settings = deps.settings.model_copy(update={"public_url": "https://hub.example.com"})
    return replace(deps, settings=settings, bus=bus)


def whatsapp(deps: Deps, **config: Any) -> Instance:
    new = NewInstance(channel_type=ChannelType.WHATSAPP, name="shop", config={"evolution_key": "key"} | config)
    return instances.create(deps, "acme", new, connect=False)


def bot(deps: Deps) -> Instance:
    new = NewInstance(channel_type=ChannelType.TELEGRAM_BOT, name="bot", config={"bot_token": "7:token"})
    return instances.create(deps, "acme", new, connect=False)


def stored(deps: Deps, instance: Instance) -> Instance:
    return instances.by_id(deps, "acme", instance.id)


def test_pairing_keeps_the_code_the_token_and_the_secret_and_tells_the_room(
    public: Deps, bus: RecordingBus, evolution: Evolution
) -> None:
    instance = whatsapp(public)
    paired = instance_operations.pair(public, instance)
    assert paired == stored(public, instance)
    assert instance_operations.has_code(public, paired)
    assert [event.name for event in bus.published] == ["channel-status", "whatsapp-qr"]
    credentials = instances.credentials(public, paired)
    assert credentials["instance_token"] == "TOKEN-1"
    assert evolution.hook["headers"]["x-hub-webhook-secret"] == credentials["webhook_secret"]


def test_a_code_that_has_expired_is_no_code(public: Deps, evolution: Evolution) -> None:
    instance = instance_operations.pair(public, whatsapp(public))
    later = replace(public, now=lambda: public.now() + timedelta(minutes=5))
    assert not instance_operations.has_code(later, instance)
    evolution.stub.on("GET", "/instance/connect/", Reply(json={"code": "2@second", "count": 2}))
    renewed = instance_operations.pair(later, instance)
    assert renewed.pairing
    assert renewed.pairing.text == "2@second"


def test_who_asks_while_another_pairs_gets_the_others_code(public: Deps, evolution: Evolution) -> None:
    instance = whatsapp(public)
    public.store.commit([_turn_of_another(public, instance)])
    with ThreadPoolExecutor() as pool:
        pairing = pool.submit(instance_operations.pair, public, instance)
        public.store.commit([Delete(Ref("leases", f"pairing-{instance.id}"))])
        code = instance_operations.pair(public, instance).pairing
        assert pairing.result(timeout=30).pairing == code
    assert evolution.created_count == 1


def _turn_of_another(deps: Deps, instance: Instance, seconds: float = 60) -> Create:
    return Create(
        Ref("leases", f"pairing-{instance.id}"),
        {"owner": "another", "expires_at": deps.now() + timedelta(seconds=seconds)},
    )


def test_the_turn_of_a_process_that_died_comes_to_an_end(public: Deps, evolution: Evolution) -> None:
    instance = whatsapp(public)
    public.store.commit([_turn_of_another(public, instance, seconds=-1)])
    assert instance_operations.pair(public, instance).status is InstanceStatus.WAITING_FOR_SCAN


def test_a_failed_pairing_gives_its_turn_back(public: Deps, evolution: Evolution) -> None:
    instance = whatsapp(public)
    evolution.stub.on("GET", "/instance/connectionState/", Reply(503), times=1)
    with pytest.raises(ProviderUnavailable):
        instance_operations.pair(public, instance)
    assert instance_operations.pair(public, instance).status is InstanceStatus.WAITING_FOR_SCAN


def test_an_unchanged_state_is_not_told_again(public: Deps, bus: RecordingBus, evolution: Evolution) -> None:
    instance = whatsapp(public)
    evolution.state = "open"
    first = instance_operations.status(public, instance)
    published_count = len(bus.published)
    assert [event.name for event in bus.published] == ["channel-status", "whatsapp-connected"]
    assert instance_operations.status(public, instance) == first
    assert len(bus.published) == published_count


def test_a_state_that_evolution_repeats_is_not_believed_while_nothing_goes_out(
    public: Deps, evolution: Evolution
) -> None:
    instance = whatsapp(public)
    evolution.state = "open"
    connected = instance_operations.status(public, instance)
    connection_state.lose_link(public, connected, "the socket to WhatsApp is closed")
    doubted = instance_operations.status(public, instance)
    assert (doubted.status, str(doubted.status_detail)) == (InstanceStatus.ERROR, "the socket to WhatsApp is closed")
    assert instance_operations.restart(public, doubted).status is InstanceStatus.CONNECTED
    assert instance_operations.status(public, instance).status is InstanceStatus.CONNECTED


def test_a_message_that_goes_out_restores_the_trust(public: Deps, evolution: Evolution) -> None:
    instance = whatsapp(public)
    evolution.state = "open"
    connection_state.lose_link(public, instance_operations.status(public, instance), "closed")
    connection_state.regain_link(public, instance)
    reread = stored(public, instance)
    assert (reread.status, reread.link_lost_at) == (InstanceStatus.CONNECTED, None)


def test_an_account_that_is_not_connected_has_no_link_to_lose(public: Deps, evolution: Evolution) -> None:
    instance = whatsapp(public)
    connection_state.lose_link(public, instance, "closed")
    assert stored(public, instance).status is InstanceStatus.DISCONNECTED


def test_logging_out_makes_the_code_worthless(public: Deps, evolution: Evolution) -> None:
    instance = instance_operations.pair(public, whatsapp(public))
    out = instance_operations.logout(public, instance)
    assert (out.status, out.pairing) == (InstanceStatus.DISCONNECTED, None)
    assert stored(public, instance) == out


def test_a_removed_instance_stays_removed_whatever_its_last_words_are(public: Deps, evolution: Evolution) -> None:
    instance = instance_operations.pair(public, whatsapp(public))
    removed = instance_operations.remove(public, instance)
    assert removed.status is InstanceStatus.DELETED
    connection_state.apply_connection(public, removed, ConnectionChanged(status=InstanceStatus.DISCONNECTED))
    assert instance_operations.status(public, removed).status is InstanceStatus.DELETED


def test_deleting_an_instance_deletes_it_at_its_provider(
    public: Deps, evolution: Evolution, caplog: pytest.LogCaptureFixture
) -> None:
    instance = instance_operations.pair(public, whatsapp(public))
    with caplog.at_level(logging.INFO):
        instances.delete(public, "acme", instance.id)
    assert evolution.state is None
    assert [record.getMessage() for record in caplog.records if getattr(record, "instance_id", "") == instance.id] == [
        "a deleted instance was removed at its provider"
    ]
    assert public.secrets.read(instance.secret_name) == {}


@pytest.mark.parametrize("refusal", [Reply(500, {"message": "boom"}), Reply(drop=True), Reply(401)])
def test_a_provider_that_fails_does_not_keep_an_instance_from_being_deleted(
    public: Deps, evolution: Evolution, caplog: pytest.LogCaptureFixture, refusal: Reply
) -> None:
    instance = instance_operations.pair(public, whatsapp(public))
    evolution.stub.on("DELETE", "/instance/delete/", refusal)
    instances.delete(public, "acme", instance.id)
    with pytest.raises(NotFound):
        stored(public, instance)
    with pytest.raises(BadRequest, match="still being deleted"):
        whatsapp(public)
    (record,) = [each for each in caplog.records if each.levelno == logging.WARNING and hasattr(each, "reason")]
    assert "key" not in str(record.__dict__["reason"]).split()
    evolution.stub.on("DELETE", "/instance/delete/", Reply(json={"status": "SUCCESS", "error": False}))
    assert removals.retry_due(replace(public, now=lambda: public.now() + timedelta(minutes=2))) == 1
    assert public.secrets.read(instance.secret_name) == {}
    assert whatsapp(public).name == instance.name


def test_what_was_never_configured_is_deleted_without_asking_anybody(public: Deps, provider: Stub) -> None:
    new = NewInstance(channel_type=ChannelType.TELEGRAM_BOT, name="bot")
    instances.delete(public, "acme", instances.create(public, "acme", new).id)
    assert provider.requests == []


def test_a_bot_is_restarted_by_connecting_it_again(public: Deps, provider: Stub) -> None:
    me = {"ok": True, "result": {"id": 7, "is_bot": True, "first_name": "Bot", "username": "the_bot"}}
    provider.on("POST", "/getMe", Reply(json=me))
    provider.on("POST", "/setWebhook", Reply(json={"ok": True, "result": True}))
    provider.on("POST", "/deleteWebhook", Reply(json={"ok": True, "result": True}))
    provider.on("POST", "/getWebhookInfo", Reply(json={"ok": True, "result": {"url": ""}}))
    instance = bot(public)
    out = instance_operations.logout(public, instance)
    assert out.status is InstanceStatus.DISCONNECTED
    assert instance_operations.status(public, out).status is InstanceStatus.DISCONNECTED
    again = instance_operations.restart(public, out)
    assert (again.status, again.external_id) == (InstanceStatus.CONNECTED, "7")
    assert len(provider.to("/setWebhook")) == 1


def test_an_instance_that_is_deleted_while_it_connects_is_not_there_any_more(public: Deps, provider: Stub) -> None:
    instance = bot(public)

    def delete(_: Received) -> Reply:
        instances.delete(public, "acme", instance.id)
        return Reply(json={"ok": True, "result": True})

    me = {"ok": True, "result": {"id": 7, "is_bot": True, "first_name": "Bot", "username": "the_bot"}}
    provider.on("POST", "/getMe", Reply(json=me))
    provider.on("POST", "/setWebhook", delete)
    with pytest.raises(NotFound):
        instance_operations.restart(public, instance)
    assert public.secrets.read(instance.secret_name) == {}


def test_the_secret_of_its_webhooks_is_kept_before_the_provider_has_it(public: Deps, provider: Stub) -> None:
    """The first call may come before connecting has returned."""
    instance = bot(public)
    registrations: list[tuple[str | None, str]] = []

    def register(request: Received) -> Reply:
        registrations.append(
            (instances.credentials(public, instance).get("webhook_secret"), request.json["secret_token"])
        )
        return Reply(json={"ok": True, "result": True})

    me = {"ok": True, "result": {"id": 7, "is_bot": True, "first_name": "Bot", "username": "the_bot"}}
    provider.on("POST", "/getMe", Reply(json=me))
    provider.on("POST", "/setWebhook", register)
    assert instance_operations.restart(public, instance).status is InstanceStatus.CONNECTED
    [(stored_secret, registered)] = registrations
    assert stored_secret == registered != ""


@pytest.mark.parametrize("former", [None, -1], ids=["the first turn", "after a process that died"])
def test_of_two_who_take_a_turn_at_once_one_pairs(public: Deps, evolution: Evolution, former: int | None) -> None:
    overlapped = overlapping(public)
    instance = whatsapp(public)
    if former is not None:
        public.store.commit([_turn_of_another(public, instance, former)])
    turn = _turn_of_another(public, instance)
    overlaps(overlapped).store.before_commit("leases", lambda: public.store.commit([Set(turn.ref, turn.data)]))
    with pairing_turns.turn(overlapped, instance) as is_ours:
        assert is_ours is False
    assert public.store.get([turn.ref])[turn.ref].data["owner"] == "another", "whose turn it is keeps it"


def test_of_two_who_try_a_removal_again_at_once_one_does(public: Deps, evolution: Evolution) -> None:
    instance = whatsapp(public)
    removal = Removal(id=instance.id, instance=instance, due_at=public.now(), created_at=public.now())
    unit = UnitOfWork(public.store)
    unit.removals.add(removal)
    unit.commit()
    overlapped = overlapping(public)
    somebody = Merge(Ref("removals", instance.id), {"attempts": 1})
    overlaps(overlapped).store.before_commit("removals", lambda: public.store.commit([somebody]))
    assert removals.retry_due(overlapped) == 0
    assert evolution.stub.requests == []
    assert removals.retry_due(public) == 1


def test_of_two_who_check_an_account_at_once_one_does(public: Deps, evolution: Evolution) -> None:
    instance = instance_operations.pair(public, whatsapp(public))
    requests = len(evolution.stub.requests)
    overlapped = overlapping(public)
    somebody = Merge(Ref("instances", instance.id), {"checked_at": public.now()})
    overlaps(overlapped).store.before_commit("instances", lambda: public.store.commit([somebody]))
    status_checks.check(overlapped, "acme", instance.id, stored(public, instance).checked_at)
    assert len(evolution.stub.requests) == requests
    status_checks.check(public, "acme", instance.id, stored(public, instance).checked_at)
    assert len(evolution.stub.requests) > requests


def test_what_was_changed_at_the_moment_of_the_question_is_not_newer_than_the_answer(
    public: Deps, evolution: Evolution
) -> None:
    moment = public.now()
    still = replace(public, now=lambda: moment)
    instance = whatsapp(still)
    assert stored(still, instance).updated_at == moment
    evolution.state = "open"
    assert instance_operations.status(still, instance).status is InstanceStatus.CONNECTED


def test_a_change_that_came_while_the_provider_was_asked_stays(public: Deps, evolution: Evolution) -> None:
    instance = whatsapp(public)

    def pair_meanwhile(_: Received) -> Reply:
        connected = ConnectionChanged(status=InstanceStatus.CONNECTED)
        connection_state.apply_connection(public, instance, connected)
        return Reply(json={"instance": {"instanceName": "shop", "state": "close"}})

    evolution.stub.on("GET", "/instance/connectionState/", pair_meanwhile)
    assert instance_operations.status(public, instance).status is InstanceStatus.CONNECTED


def test_a_connected_account_is_not_waited_for(public: Deps, evolution: Evolution) -> None:
    instance = whatsapp(public)
    assert pairing_wait.is_paired(public, instance, 0) is False
    connected = instance.model_copy(update={"status": InstanceStatus.CONNECTED})
    requests = len(evolution.stub.requests)
    assert pairing_wait.is_paired(public, connected, 0) is True
    assert len(evolution.stub.requests) == requests


@pytest.mark.parametrize(
    ("change", "is_under_way"),
    [
        ({}, False),
        ({"status": "connecting"}, True),
        ({"status": "waiting_for_scan"}, True),
        ({"account": "another"}, True),
        ({"config": {"whatsapp_instance": "another"}}, True),
        ({"name": "another"}, False),
    ],
    ids=str,
)
def test_a_pairing_is_under_way_while_it_waits_or_has_changed_the_account(
    public: Deps, change: dict[str, Any], is_under_way: bool
) -> None:
    instance = whatsapp(public)
    if change:
        public.store.commit([Merge(Ref("instances", instance.id), change)])
    store = CountingStore(public.store)
    assert pairing_turns.is_under_way(replace(public, store=store), instance) is is_under_way
    assert store.spent.reads == 1, "what is needed comes in one round trip"


@pytest.mark.parametrize(("seconds", "is_under_way"), [(60, True), (-1, False)])
@pytest.mark.parametrize("is_there", [True, False], ids=["there", "gone"])
def test_a_pairing_is_under_way_while_somebody_has_the_turn(
    public: Deps, seconds: float, is_under_way: bool, is_there: bool
) -> None:
    instance = whatsapp(public)
    public.store.commit([_turn_of_another(public, instance, seconds)])
    if not is_there:
        public.store.commit([Delete(Ref("instances", instance.id))])
    assert pairing_turns.is_under_way(public, instance) is is_under_way


def test_a_restart_waits_for_the_pairing_that_is_under_way(public: Deps, evolution: Evolution) -> None:
    instance = instance_operations.pair(public, whatsapp(public))
    public.store.commit([_turn_of_another(public, instance)])
    requests = len(evolution.stub.requests)
    assert instance_operations.restart(public, instance).pairing == instance.pairing
    assert len(evolution.stub.requests) == requests, "it would make the other's code worthless"


@pytest.mark.parametrize(
    ("text", "png", "picture"),
    [("2@code", "aGk=", "aGk="), (None, "aGk=", "aGk="), (None, None, None), ("2@code", None, "iVBORw0KGgo")],
    ids=str,
)
def test_the_providers_picture_of_a_code_comes_before_one_of_our_own(
    deps: Deps, text: str | None, png: str | None, picture: str | None
) -> None:
    drawn = png_base64(PairingCode(text=text, png_base64=png, expires_at=deps.now()))
    assert (drawn or "").startswith(picture or "")
    assert (drawn is None, drawn == png) == (picture is None, png is not None or picture is None)


def test_the_account_of_a_former_adapter_is_logged_out_if_a_process_holds_it(deps: Deps, provider: Stub) -> None:
    """Others know nothing of us that has to end."""
    for former in (bot(deps), whatsapp(deps).model_copy(update={"adapter": "imagined"})):
        instance_operations.end_former(deps, former)
    assert provider.requests == []
    new = NewInstance(channel_type=ChannelType.WHATSAPP, adapter="whatsapp_web", name="web", config={})
    instance = instances.create(deps, "acme", new, connect=False)
    login = ChannelAuth(
        instance_id=instance.id,
        tenant_id="acme",
        adapter="whatsapp_web",
        state=AuthState.CONNECTED,
        secret="s",
        updated_at=deps.now(),
    )
    deps.store.commit([Create(Ref("channel_auth", instance.id), login.model_dump())])
    instance_operations.end_former(deps, instance)
    unit = UnitOfWork(deps.store)
    after = unit.channel_auth.owned("acme", instance.id)
    assert after.state is not AuthState.CONNECTED


def test_a_code_that_was_brought_is_known_to_this_process_at_once(public: Deps, evolution: Evolution) -> None:
    instance = whatsapp(public)
    assert instance_lookup.cached(public, "acme", instance.id) == instance
    issued = PairingCodeIssued(text="2@code", png_base64=None, valid_seconds=60)
    connection_state.apply_pairing_code(public, instance, issued, public.now())
    cached = instance_lookup.cached(public, "acme", instance.id)
    assert cached == stored(public, instance)
    assert cached is not None
    assert cached.pairing is not None
    assert cached.updated_at > instance.updated_at
