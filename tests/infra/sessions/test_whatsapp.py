"""WhatsApp accounts with a worker process of their own: paired, held, restored, and unlinked."""

from __future__ import annotations

import base64
import os
import signal
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from infra.sockets.whatsapp import protocol
from shared.config import Settings
from shared.domain.messages import MessageStatus
from shared.ports.store import Ref
from tests.eventually import eventually
from tests.infra.sessions.steps import Channels, Start, answer, code_is_shown, paired, status_of, whatsapp_channel
from tests.pipeline.hub import Hub
from tests.stubs import Reply
from tests.whatsapp.pretended import ACCOUNT, CUSTOMER, WhatsApp


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """A hub that knows no Evolution server."""
    return settings.model_copy(update={"evolution_url": None})


def _names(hub: Hub, name: str) -> list[Any]:
    return [event for event in hub.realtime if event.name == name]


def _snapshots(hub: Hub) -> list[Path]:
    return [path for path in (hub.deps.settings.data_dir / "sessions").rglob("*") if path.is_file()]


def test_a_new_channel_shows_a_code_and_is_connected_once_it_was_scanned(
    hub: Hub, whatsapp: WhatsApp, start: Start, channels: Channels
) -> None:
    channel, _ = paired(hub, whatsapp, start, channels)
    code = eventually(lambda: _names(hub, "whatsapp-qr"))[0]
    assert code.payload["qr"].endswith("#2@ref,noise,identity,adv,1")
    eventually(lambda: _names(hub, "whatsapp-connected"))
    statuses = [event.payload["status"] for event in _names(hub, "channel-status")]
    assert statuses.index("waiting_for_scan") < statuses.index("connected")
    eventually(lambda: hub.documents("instances", id=channel)[0]["phone_number"] == "+5511900000000")


def test_a_headless_hub_pairs_its_account_with_nothing_but_a_phone(
    hub: Hub, whatsapp: WhatsApp, start: Start, channels: Channels
) -> None:
    start("one", channels=channels)
    answer = hub.post("/api/pair", {})
    assert answer["status"] == "qr_ready"
    assert base64.b64decode(answer["qr_png_base64"]).startswith(b"\x89PNG")
    whatsapp.scan(whatsapp.link())
    assert hub.get("/api/pair/status") == {"status": "paired", "message": "WhatsApp pairing completed"}
    assert hub.post("/api/pair", {})["status"] == "already_paired"
    assert hub.get("/api/health")["whatsapp"] == "connected"


def test_omni_hub_shows_the_code_and_a_code_to_type_in(
    hub: Hub, whatsapp: WhatsApp, start: Start, channels: Channels
) -> None:
    start("one", channels=channels)
    agent = {"agent_api_url": "http://localhost:3000", "agent_api_key": "agent-key-5678", "default_agent": "support"}
    hub.post("/api/v1/instances", agent | {"name": "shop", "phone_number": "+5511900000000"}, 201)
    shown_code = hub.get("/api/v1/instances/shop/qr")
    assert shown_code["qr_code"].startswith("data:image/png;base64,")
    assert (shown_code["status"], "PAIR-CODE" in shown_code["message"]) == ("waiting_for_scan", True)
    whatsapp.scan(whatsapp.link())
    eventually(lambda: hub.get("/api/v1/instances/shop/status")["status"] == "connected")


def test_a_code_to_type_in_comes_beside_the_one_to_scan(
    hub: Hub, whatsapp: WhatsApp, start: Start, channels: Channels
) -> None:
    start("one", channels=channels)
    channel = whatsapp_channel(hub, phoneNumber="+55 (11) 90000-0000")
    pairing = hub.post(f"/api/channels/{channel}/connect", {})["pairing"]
    assert pairing["pairingCode"] == "PAIR-CODE"
    assert pairing["qrCode"].startswith("data:image/png;base64,")
    assert whatsapp.link().of(protocol.Start)[0].phone == "5511900000000"


def test_messages_go_both_ways(hub: Hub, whatsapp: WhatsApp, start: Start, channels: Channels) -> None:
    _, link = paired(hub, whatsapp, start, channels)
    whatsapp.write(link, "M1", "Hello")
    answer(hub, "Hi there")
    eventually(whatsapp.sent)
    (sent,) = whatsapp.sent()
    assert sent.to == CUSTOMER
    assert whatsapp.contents() == [{"conversation": "Hi there"}]
    eventually(lambda: any(m.status is MessageStatus.SENT for m in hub.messages()))
    link.say(protocol.Receipt(chat=CUSTOMER, ids=["3EB00001"], status="READ"))
    eventually(lambda: any(m.status is MessageStatus.READ for m in hub.messages()))


def test_a_file_is_fetched_by_the_hub_and_given_to_the_worker_as_bytes(
    hub: Hub, whatsapp: WhatsApp, start: Start, channels: Channels
) -> None:
    _, link = paired(hub, whatsapp, start, channels)
    hub.provider.on("GET", "/cat.jpg", Reply(content=b"\xff\xd8cat", headers={"content-type": "image/jpeg"}))
    whatsapp.write(link, "M1", "Show me the cat")
    answer(hub, "Here", attachments=[{"type": "image", "url": f"{hub.provider.url}/cat.jpg"}])
    eventually(whatsapp.sent)
    (sent,) = whatsapp.sent()
    assert isinstance(sent, protocol.Media)
    assert whatsapp.contents() == [{"imageMessage": {"mimetype": "image/jpeg", "caption": "Here"}}]
    assert sent.content == "/9hjYXQ="


def test_what_whatsapp_refuses_is_final_and_what_it_does_not_acknowledge_is_never_sent_again(
    hub: Hub, whatsapp: WhatsApp, start: Start, channels: Channels
) -> None:
    _, link = paired(hub, whatsapp, start, channels)
    whatsapp.refusals = ["server returned error 403"]
    whatsapp.write(link, "M1", "Hello")
    answer(hub, "This is refused")
    eventually(lambda: any(m.error and "403" in str(m.error) for m in hub.messages()))
    whatsapp.answering = False
    answer(hub, "This may have arrived")
    eventually(lambda: len(whatsapp.sent()) == 2)
    os.kill(link.pid, signal.SIGKILL)
    whatsapp.answering = True
    eventually(lambda: [item for item in hub.documents("outbox") if item.get("unknown_since")])
    whatsapp.link()
    assert len(whatsapp.sent()) == 2


def test_a_killed_worker_is_begun_anew_with_its_session(
    hub: Hub, whatsapp: WhatsApp, start: Start, channels: Channels
) -> None:
    _, link = paired(hub, whatsapp, start, channels)
    os.kill(link.pid, signal.SIGKILL)
    eventually(lambda: len(whatsapp.links) == 2)
    again = whatsapp.link()
    whatsapp.write(again, "M1", "Still there?")
    eventually(hub.conversations)
    assert not whatsapp.was_held_twice


def test_another_process_goes_on_with_the_sealed_session_after_the_first_has_stopped(
    hub: Hub, whatsapp: WhatsApp, start: Start, channels: Channels
) -> None:
    channel = whatsapp_channel(hub)
    _, first = start("one", channels=channels)
    link = whatsapp.link()
    whatsapp.scan(link)
    eventually(lambda: status_of(hub, channel) == "CONNECTED")
    assert link.store is not None
    directory = link.store.parent
    eventually(lambda: _snapshots(hub))
    with closing(sqlite3.connect(link.store)) as store, store:
        store.execute("CREATE TABLE learned_just_now (name TEXT)")
    first.stop()
    assert not directory.exists()
    start("two", channels=channels)
    second = whatsapp.link()
    assert second.store is not None
    with closing(sqlite3.connect(second.store)) as store:
        assert store.execute("SELECT jid FROM whatsmeow_device").fetchall() == [("5511900000000:1@s.whatsapp.net",)]
        assert store.execute("SELECT name FROM learned_just_now").fetchall() == []
    assert not whatsapp.was_held_twice


def test_a_session_is_kept_only_sealed(hub: Hub, whatsapp: WhatsApp, start: Start, channels: Channels) -> None:
    channel, _ = paired(hub, whatsapp, start, channels)
    (snapshot,) = eventually(lambda: _snapshots(hub))
    content = snapshot.read_bytes()
    assert b"SQLite" not in content
    assert content[:2] != b"\x1f\x8b"
    login = hub.store.get([Ref("channel_auth", channel)])[Ref("channel_auth", channel)].data
    key = hub.deps.secrets.read(login["secret"])["key"]
    assert key not in str(login)
    assert all(key not in str(event) for event in hub.realtime)


def _question(text: str, copy: str | None = None) -> protocol.Message:
    key = {"id": text, "remoteJid": CUSTOMER, "fromMe": False}
    data = {"key": key, "messageTimestamp": 1796037697, "message": {"conversation": text}}
    return protocol.Message(data=data, copy=copy)


def test_a_message_is_kept_by_the_worker_until_it_is_published(
    hub: Hub, whatsapp: WhatsApp, start: Start, channels: Channels
) -> None:
    _, link = paired(hub, whatsapp, start, channels)
    assert link.store is not None
    copy = link.store.parent / "copies" / "1"
    copy.write_bytes(protocol.line(_question("Still there?")))
    link.say(_question("Still there?", copy="1"))
    eventually(hub.messages)
    eventually(lambda: not copy.exists())


def test_what_a_killed_process_had_not_published_is_published_by_the_next_one(
    hub: Hub, whatsapp: WhatsApp, start: Start, channels: Channels
) -> None:
    channel = whatsapp_channel(hub)
    _, first = start("one", channels=channels)
    link = whatsapp.link()
    whatsapp.scan(link)
    eventually(lambda: status_of(hub, channel) == "CONNECTED")
    assert link.store is not None
    parent = link.store.parent.parent
    first.stop()
    ended = subprocess.Popen(["true"])
    ended.wait()
    session = hub.deps.secrets.read(hub.documents("channel_auth")[0]["secret"])["session"]
    directory = parent / f"omnichannel-whatsapp-{ended.pid}-{session}-left"
    (directory / "copies").mkdir(parents=True)
    for number, text in enumerate(("One", "Two"), start=1):
        (directory / "copies" / str(number)).write_bytes(protocol.line(_question(text)))
    (directory / "copies" / "3").write_bytes(b'{"type": "mess')
    (directory / "session.db").touch()
    _, second = start("two", channels=channels)
    eventually(lambda: [message.text for message in hub.messages()] == ["One", "Two"])
    assert not (directory / "session.db").exists()
    second.stop()
    assert not directory.exists()


def test_an_account_that_somebody_else_connects_is_let_go_and_taken_again(
    hub: Hub, whatsapp: WhatsApp, start: Start, channels: Channels
) -> None:
    _, link = paired(hub, whatsapp, start, channels)
    link.say(protocol.Replaced())
    eventually(lambda: len(whatsapp.links) == 2)
    whatsapp.link()
    assert not whatsapp.was_held_twice


def test_an_account_that_was_unlinked_on_the_phone_is_disconnected_with_a_notification(
    hub: Hub, whatsapp: WhatsApp, start: Start, channels: Channels
) -> None:
    channel, link = paired(hub, whatsapp, start, channels)
    eventually(lambda: _snapshots(hub))
    link.say(protocol.LoggedOut(why="unlinked on the phone: pair the account again"))
    eventually(lambda: status_of(hub, channel) == "DISCONNECTED")
    assert eventually(lambda: [n for n in hub.store.find("notifications").documents if "unlinked" in str(n.data)])
    assert _snapshots(hub) == []


def test_logging_out_unlinks_the_account_and_destroys_its_session(
    hub: Hub, whatsapp: WhatsApp, start: Start, channels: Channels
) -> None:
    channel, _ = paired(hub, whatsapp, start, channels)
    eventually(lambda: _snapshots(hub))
    secret = hub.store.get([Ref("channel_auth", channel)])[Ref("channel_auth", channel)].data["secret"]
    hub.post(f"/api/v1/instances/{hub.documents('instances', id=channel)[0]['name']}/logout", {})
    assert whatsapp.unlinked
    assert status_of(hub, channel) == "DISCONNECTED"
    eventually(lambda: not whatsapp.open_links())
    assert _snapshots(hub) == []
    assert hub.deps.secrets.read(secret) == {}


def test_a_code_that_nobody_scans_ends_the_pairing_and_another_one_can_begin(
    hub: Hub, whatsapp: WhatsApp, start: Start, channels: Channels
) -> None:
    start("one", channels=channels)
    channel = whatsapp_channel(hub)
    link = whatsapp.link()
    code_is_shown(hub, channel)
    link.say(protocol.PairingEnded(why="nobody scanned the code in time: connect the channel again"))
    eventually(lambda: status_of(hub, channel) == "DISCONNECTED")
    hub.post(f"/api/channels/{channel}/connect", {})
    whatsapp.scan(whatsapp.link())
    eventually(lambda: status_of(hub, channel) == "CONNECTED")


def test_groups_are_left_alone_unless_they_are_wanted(
    hub: Hub, whatsapp: WhatsApp, start: Start, channels: Channels
) -> None:
    _, link = paired(hub, whatsapp, start, channels)
    whatsapp.write(link, "M1", "Hi all", remoteJid="120363040000000001@g.us", participant=CUSTOMER)
    whatsapp.write(link, "M2", "Just you")
    assert hub.conversation().external_conversation_id == CUSTOMER


def test_what_was_said_before_the_pairing_is_stored_and_not_answered(
    hub: Hub, whatsapp: WhatsApp, start: Start, channels: Channels
) -> None:
    _, link = paired(hub, whatsapp, start, channels)
    key = {"id": "H1", "remoteJid": CUSTOMER, "fromMe": False}
    past = {"key": key, "messageTimestamp": 1764501697, "message": {"conversation": "Last year's question"}}
    link.say(protocol.Message(data=past, history=True))
    eventually(hub.messages)
    conversation = hub.conversation()
    assert [message.text for message in hub.messages()] == ["Last year's question"]
    assert conversation.needs_reply_since is None


def test_what_the_phone_itself_writes_is_stored_as_sent(
    hub: Hub, whatsapp: WhatsApp, start: Start, channels: Channels
) -> None:
    _, link = paired(hub, whatsapp, start, channels)
    whatsapp.write(link, "M1", "Written on the phone", fromMe=True)
    message = eventually(lambda: hub.messages())[0]
    assert (message.text, message.direction.value) == ("Written on the phone", "outbound")
    assert ACCOUNT not in str(hub.conversation().external_conversation_id)


def test_naming_a_server_of_evolutions_moves_a_channel_there_and_keeps_its_conversations(
    hub: Hub, whatsapp: WhatsApp, start: Start, channels: Channels
) -> None:
    channel, link = paired(hub, whatsapp, start, channels)
    whatsapp.write(link, "M1", "Hello", remoteJid="95511988887777@lid", remoteJidAlt=CUSTOMER)
    conversation = hub.conversation()
    moved = hub.patch(f"/api/channels/{channel}", {"config": {"evolutionUrl": hub.provider.url, "evolutionKey": "k"}})
    assert moved["adapter"] == "whatsapp_evolution"
    eventually(lambda: not whatsapp.open_links())
    key = {"id": "M2", "remoteJid": CUSTOMER, "fromMe": False}
    data = {"key": key, "messageTimestamp": 1796037700, "message": {"conversation": "Hello again"}}
    name = hub.documents("instances", id=channel)[0]["name"]
    hub.post(f"/webhook/evolution/{name}", {"event": "messages.upsert", "instance": name, "data": data, "apikey": "k"})
    eventually(lambda: len(hub.messages()) == 2)
    assert [each.id for each in hub.conversations()] == [conversation.id]


def test_an_account_for_which_one_process_has_no_place_is_held_by_another(
    hub: Hub, whatsapp: WhatsApp, start: Start, channels: Channels
) -> None:
    first = whatsapp_channel(hub)
    start("one", channels=channels, capacity={"whatsapp_web": 1})
    whatsapp.scan(whatsapp.link())
    eventually(lambda: status_of(hub, first) == "CONNECTED")
    second = whatsapp_channel(hub)
    start("two", channels=channels, capacity={"whatsapp_web": 1})
    eventually(lambda: hub.documents("instances", id=second)[0]["status"] == "waiting_for_scan")
    owners = {login["instance_id"]: login["lease_owner"] for login in hub.documents("channel_auth")}
    assert owners == {first: "one", second: "two"}


def test_a_banned_account_rests_and_says_why(hub: Hub, whatsapp: WhatsApp, start: Start, channels: Channels) -> None:
    channel, link = paired(hub, whatsapp, start, channels)
    link.say(protocol.Banned(why="WhatsApp has banned the account for some time", seconds=3600))
    eventually(lambda: status_of(hub, channel) == "ERROR")
    login = Ref("channel_auth", channel)
    eventually(lambda: hub.store.get([login])[login].data["lease_owner"] is None)
    assert len(whatsapp.links) == 1
    assert _snapshots(hub)
