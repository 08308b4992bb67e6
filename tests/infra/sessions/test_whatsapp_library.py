"""The real library in the worker that ships, against a server that plays WhatsApp: what the hub promises over both."""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
import signal
import sqlite3
import time
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from infra.sockets.whatsapp.gateway import WorkerGateway
from infra.sockets.whatsapp.line import WorkerLine
from infra.sockets.whatsapp.session_files import DEBOUNCE_SECONDS
from shared.adapters.embedded.snapshots import DirectorySnapshots
from shared.channel.connection import Connections, Listener
from shared.channels.whatsapp_web.connection import WhatsAppConnections, line_of
from shared.channels.whatsapp_web.gateway import Session
from shared.config import Settings
from shared.deps import Deps
from shared.domain.messages import MessageStatus
from tests.eventually import eventually
from tests.infra.sessions.steps import Start, status_of
from tests.node import need
from tests.pipeline.hub import Hub
from tests.stubs import Reply
from tests.whatsapp.files import encrypted
from tests.whatsapp.playing import SERVER, Phones, playing

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

Channels = Mapping[str, Callable[[Deps], Connections[Any]]]
CUSTOMER = "5511988887777"
_PATIENCE = 60.0


@dataclass
class Holder:
    """A container that holds one account; what it cannot publish it tries again, as long as it is there."""

    gateway: WorkerGateway
    session: Session
    can_publish: bool = True
    refused: list[str] = field(default_factory=list)
    updates: SimpleQueue[Mapping[str, Any]] = field(default_factory=SimpleQueue)

    def __post_init__(self) -> None:
        self.line = self.gateway.listen(self.session, Listener(self._publish, lambda _, why: None))

    def next(self, event: str) -> Any:
        while (update := self.updates.get(timeout=_PATIENCE))["event"] != event:
            pass
        return update["data"]

    def lose_container(self) -> None:
        """With everything that lies in it, and without a word to anybody."""
        directory = Path(f"/proc/{self.line.pid}/cwd").resolve()
        os.kill(self.line.pid, signal.SIGKILL)
        shutil.rmtree(directory)
        self.close()

    def close(self) -> None:
        self.line.close()
        self.gateway.close()

    def _publish(self, update: Mapping[str, Any]) -> None:
        if not self.can_publish:
            self.refused = [update["data"]["key"]["id"]]
            raise RuntimeError("nothing can be published")
        self.updates.put(update)


@pytest.fixture(scope="module")
def phones(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Phones]:
    with playing(tmp_path_factory.mktemp("whatsapp"), need(SERVER, "REQUIRE_WHATSAPP")) as phones:
        yield phones


@pytest.fixture
def settings(settings: Settings, phones: Phones) -> Settings:
    """A hub that knows no Evolution server, and this WhatsApp's files."""
    return settings.model_copy(update={"evolution_url": None, "whatsapp_media_url": phones.url})


@pytest.fixture
def channels(phones: Phones) -> Channels:
    def connections(deps: Deps) -> WhatsAppConnections:
        assert deps.snapshots is not None
        return WhatsAppConnections(deps, WorkerGateway(deps.snapshots, phones.worker, first_pause=0.05))

    return {"whatsapp_web": connections}


@pytest.fixture
def account(hub: Hub, phones: Phones, start: Start, channels: Channels) -> tuple[str, str, Deps]:
    """A channel whose code was scanned, the account's number, and the process that holds it."""
    process, _ = start("one", channels=channels)
    channel = str(hub.post("/api/channels", {"name": "Shop", "type": "WHATSAPP", "config": {}}, 201)["id"])
    return channel, _scanned(hub, phones, channel), process


def _scanned(hub: Hub, phones: Phones, channel: str) -> str:
    number = phones.scan(_pairing(hub, channel, "text"))
    eventually(lambda: status_of(hub, channel) == "CONNECTED", _PATIENCE)
    return number


def _pairing(hub: Hub, channel: str, field: str) -> str:
    """A code that the channel shows, as soon as it does."""
    return str(eventually(lambda: (hub.documents("instances", id=channel)[0]["pairing"] or {}).get(field), _PATIENCE))


def _answer(hub: Hub, text: str, **fields: Any) -> None:
    hub.post("/api/messages/send", {"conversationId": hub.conversation().id, "text": text} | fields, 202)


def _written(phones: Phones, number: str, text: str) -> str:
    return phones.write(number, f"{CUSTOMER}@s.whatsapp.net", {"conversation": text})


def _texts(hub: Hub) -> list[str | None]:
    return [message.text for message in hub.messages()]


def _pid(process: Deps, channel: str) -> int:
    line = line_of(process, channel)
    assert isinstance(line, WorkerLine)
    return line.pid


def test_texts_go_both_ways_after_a_scan(hub: Hub, phones: Phones, account: tuple[str, str, Deps]) -> None:
    _, number, _ = account
    _written(phones, number, "Is it still there?")
    eventually(lambda: _texts(hub) == ["Is it still there?"], _PATIENCE)
    _answer(hub, "Yes, it is")
    eventually(lambda: {"conversation": "Yes, it is"} in phones.read(CUSTOMER), _PATIENCE)
    assert not any("bot" in received["tags"] for received in phones.state()["received"])


def test_files_go_both_ways(hub: Hub, phones: Phones, account: tuple[str, str, Deps]) -> None:
    _, number, _ = account
    key = secrets.token_bytes(32)
    path = phones.keep(encrypted(b"\xff\xd8cat", key))
    picture = {"mimetype": "image/jpeg", "caption": "My cat", "mediaKey": b64encode(key).decode(), "directPath": path}
    phones.write(number, f"{CUSTOMER}@s.whatsapp.net", {"imageMessage": picture})
    eventually(lambda: _texts(hub) == ["My cat"], _PATIENCE)
    answer = hub.client.get(f"/media/{hub.messages()[0].id}-0", headers=hub.headers)
    assert (answer.status_code, answer.data) == (200, b"\xff\xd8cat")
    hub.provider.on("GET", "/dog.jpg", Reply(content=b"\xff\xd8dog", headers={"content-type": "image/jpeg"}))
    _answer(hub, "My dog", attachments=[{"type": "image", "url": f"{hub.provider.url}/dog.jpg"}])
    sent = eventually(lambda: [each for each in phones.read(CUSTOMER) if "imageMessage" in each], _PATIENCE)
    assert (sent[0]["imageMessage"]["caption"], sent[0]["imageMessage"]["mimetype"]) == ("My dog", "image/jpeg")


def _received(phones: Phones, kind: str, text: str | None = None) -> tuple[str, Any]:
    """The id and the content of the latest message of that kind, with that text, that the customer's phone has got."""

    def of_kind() -> list[tuple[str, Any]]:
        received = [each for each in phones.received(CUSTOMER) if kind in each[1]]
        return [each for each in received if text is None or each[1][kind] == text]

    return eventually(of_kind, _PATIENCE)[-1]


def test_a_message_is_quoted_edited_and_taken_back(hub: Hub, phones: Phones, account: tuple[str, str, Deps]) -> None:
    _, number, _ = account
    question = _written(phones, number, "When do you open?")
    eventually(lambda: _texts(hub) == ["When do you open?"], _PATIENCE)
    _answer(hub, "At nien", replyTo=question)
    identifier, answered = _received(phones, "extendedTextMessage")
    context = answered["extendedTextMessage"]["contextInfo"]
    assert (context["stanzaId"], context["quotedMessage"]) == (question, {"conversation": "When do you open?"})
    (message,) = eventually(lambda: [each for each in hub.messages() if each.external_message_id == identifier])
    hub.patch(f"/api/messages/{message.id}", {"text": "At nine"}, 202)
    _, edit = _received(phones, "editedMessage")
    change = edit["editedMessage"]["message"]["protocolMessage"]
    assert (change["key"]["id"], change["editedMessage"]) == (identifier, {"conversation": "At nine"})
    eventually(lambda: "At nine" in _texts(hub), _PATIENCE)
    hub.client.delete(f"/api/messages/{message.id}", headers=hub.headers)
    _, revocation = _received(phones, "protocolMessage")
    assert revocation["protocolMessage"]["key"]["id"] == identifier


def _becomes_true(look: Callable[[], bool], seconds: float) -> bool:
    end = time.monotonic() + seconds
    while not (answer := look()) and time.monotonic() < end:
        time.sleep(0.05)
    return answer


def test_a_customer_sees_that_somebody_writes_and_what_was_read(
    hub: Hub, phones: Phones, account: tuple[str, str, Deps]
) -> None:
    channel, number, _ = account
    hub.patch(f"/api/channels/{channel}", {"config": {"readMarks": True}})
    question = _written(phones, number, "Is anybody there?")
    session = hub.conversation().id
    hub.post(f"/api/conversations/{session}/read", {})
    chat = f"{CUSTOMER}@s.whatsapp.net"
    for _ in range(20):  # a page repeats it as long as somebody writes: what is lost once is not tried again
        hub.post(f"/api/conversations/{session}/typing", {})
        if _becomes_true(lambda: {"chat": chat, "state": "composing"} in phones.state()["typing"], 3.0):
            break
    else:
        pytest.fail("nobody saw that somebody writes")
    eventually(lambda: {"chat": chat, "ids": [question]} in phones.state()["read"], _PATIENCE)


def _name_account(hub: Hub, pid: int) -> None:
    """As WhatsApp does with a new device after a while: nobody is shown online without a name."""
    (snapshot,) = [path for path in (hub.deps.settings.data_dir / "sessions").rglob("*") if path.is_file()]
    before = snapshot.read_bytes()
    with closing(sqlite3.connect(f"/proc/{pid}/cwd/session.db", timeout=10)) as store, store:
        store.execute("UPDATE whatsmeow_device SET push_name = 'Shop'")
    eventually(lambda: snapshot.read_bytes() != before, _PATIENCE)


def test_people_of_the_business_see_that_a_customer_writes_to_an_account_that_is_online(
    hub: Hub, phones: Phones, start: Start, channels: Channels
) -> None:
    process, _ = start("one", channels=channels)
    body = {"name": "Shop", "type": "WHATSAPP", "config": {"online": True}}
    channel = str(hub.post("/api/channels", body, 201)["id"])
    number = _scanned(hub, phones, channel)
    _name_account(hub, _pid(process, channel))
    os.kill(_pid(process, channel), signal.SIGKILL)
    eventually(lambda: {"user": number, "type": "available"} in phones.state()["presences"], _PATIENCE)
    _written(phones, number, "Hello")
    eventually(lambda: _texts(hub) == ["Hello"], _PATIENCE)
    phones.compose(number, f"{CUSTOMER}@s.whatsapp.net")
    event = eventually(lambda: [each for each in hub.realtime if each.name == "typing"], _PATIENCE)[0]
    assert (event.payload["conversation_id"], event.payload["author"]) == (hub.conversation().id, "customer")


def _vote(poll: str, secret: bytes, creator: str, voter: str, option: str) -> dict[str, Any]:
    """A vote as phones encrypt it, with a key made of the poll's own secret."""
    use = f"{poll}{creator}{voter}Poll Vote".encode()
    key = HKDF(SHA256(), 32, salt=None, info=use).derive(secret)
    digest = hashlib.sha256(option.encode()).digest()
    nonce = secrets.token_bytes(12)
    sealed = AESGCM(key).encrypt(nonce, b"\n" + bytes([len(digest)]) + digest, f"{poll}\0{voter}".encode())
    vote = {"encPayload": b64encode(sealed).decode(), "encIv": b64encode(nonce).decode()}
    poll_key = {"remoteJid": creator, "fromMe": False, "id": poll}
    return {"pollUpdateMessage": {"pollCreationMessageKey": poll_key, "vote": vote}}


def test_a_vote_in_a_poll_is_decrypted(hub: Hub, phones: Phones, account: tuple[str, str, Deps]) -> None:
    _, number, _ = account
    hidden = f"9{CUSTOMER}@lid"
    phones.write(
        number, hidden, {"conversation": "Hidden"}, sender_pn=f"{CUSTOMER}@s.whatsapp.net", addressing_mode="lid"
    )
    eventually(lambda: _texts(hub) == ["Hidden"], _PATIENCE)
    _answer(hub, "", poll={"question": "Which colour?", "options": ["red", "blue"]})
    poll, question = _received(phones, "pollCreationMessage")
    secret = b64decode(question["messageContextInfo"]["messageSecret"])
    eventually(lambda: [each for each in hub.messages() if each.external_message_id == poll])
    vote = _vote(poll, secret, f"9{number}@lid", hidden, "blue")
    phones.write(number, hidden, vote, sender_pn=f"{CUSTOMER}@s.whatsapp.net", addressing_mode="lid")
    eventually(lambda: "blue" in _texts(hub), _PATIENCE)


def test_a_message_whose_worker_was_killed_before_it_told_the_id_is_settled_by_its_receipt(
    hub: Hub, phones: Phones, account: tuple[str, str, Deps]
) -> None:
    channel, number, process = account
    _written(phones, number, "Hello")
    eventually(lambda: _texts(hub) == ["Hello"], _PATIENCE)
    phones.acknowledge(False)
    try:
        _answer(hub, "Did it arrive?")
        identifier, _ = _received(phones, "conversation", "Did it arrive?")
        logins = phones.state()["logins"]
        os.kill(_pid(process, channel), signal.SIGKILL)
    finally:
        phones.acknowledge(True)
    eventually(lambda: [each for each in hub.documents("outbox") if each["reason"] == "outcome_unknown"], _PATIENCE)
    eventually(lambda: phones.state()["logins"] > logins, _PATIENCE)
    phones.confirm(number, f"{CUSTOMER}@s.whatsapp.net", identifier)
    eventually(lambda: [each for each in hub.messages() if each.status is MessageStatus.DELIVERED], _PATIENCE)
    assert phones.read(CUSTOMER).count({"conversation": "Did it arrive?"}) == 1


def test_a_code_can_be_typed_in_instead(hub: Hub, phones: Phones, start: Start, channels: Channels) -> None:
    start("one", channels=channels)
    config = {"phoneNumber": "+55 11 90000-0000"}
    channel = hub.post("/api/channels", {"name": "Shop", "type": "WHATSAPP", "config": config}, 201)["id"]
    assert len(_pairing(hub, channel, "pairing_code")) == len("ABCD-EFGH")


def test_a_phone_and_a_hidden_id_are_one_person(hub: Hub, phones: Phones, account: tuple[str, str, Deps]) -> None:
    _, number, _ = account
    hidden = f"9{CUSTOMER}@lid"
    phones.write(
        number, hidden, {"conversation": "Hidden"}, sender_pn=f"{CUSTOMER}@s.whatsapp.net", addressing_mode="lid"
    )
    eventually(lambda: _texts(hub) == ["Hidden"], _PATIENCE)
    _written(phones, number, "By my number")
    eventually(lambda: len(_texts(hub)) == 2, _PATIENCE)
    assert hub.conversation().external_conversation_id == f"{CUSTOMER}@s.whatsapp.net"


def test_a_broken_connection_comes_back_and_nothing_is_lost(
    hub: Hub, phones: Phones, account: tuple[str, str, Deps]
) -> None:
    _, number, _ = account
    logins = phones.state()["logins"]
    phones.drop()
    _written(phones, number, "While you were away")
    eventually(lambda: phones.state()["logins"] > logins, _PATIENCE)
    eventually(lambda: _texts(hub) == ["While you were away"], _PATIENCE)


def test_a_killed_worker_is_back_with_its_session(hub: Hub, phones: Phones, account: tuple[str, str, Deps]) -> None:
    channel, number, process = account
    os.kill(_pid(process, channel), signal.SIGKILL)
    _written(phones, number, "Still there?")
    eventually(lambda: _texts(hub) == ["Still there?"], _PATIENCE)
    assert not phones.state()["heldTwice"]


def test_a_message_that_a_killed_worker_had_not_written_down_comes_again(
    hub: Hub, phones: Phones, account: tuple[str, str, Deps]
) -> None:
    channel, number, process = account
    pid = _pid(process, channel)
    directory = Path(f"/proc/{pid}/cwd").resolve()
    identifier = "3EB0AA"
    name = hashlib.sha256(identifier.encode()).hexdigest()
    pipes = [directory / "copies" / f"{turn}.{name}" for turn in range(1, 20)]
    for pipe in pipes:  # nobody reads them, so that writing a copy takes for ever
        os.mkfifo(pipe)
    phones.write(number, f"{CUSTOMER}@s.whatsapp.net", {"conversation": "Do you read me?"}, identifier)
    eventually(lambda: list((directory / "expected").iterdir()), _PATIENCE)
    # Long enough for a confirmation that does not wait.
    time.sleep(0.3)
    assert phones.state()["unacknowledged"] == [identifier]
    for pipe in pipes:
        pipe.unlink()
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: _texts(hub) == ["Do you read me?"], _PATIENCE)
    eventually(lambda: phones.state()["unacknowledged"] == [], _PATIENCE)


def test_a_message_that_a_lost_container_had_not_published_comes_again_to_the_next_holder(
    phones: Phones, tmp_path: Path
) -> None:
    snapshots = DirectorySnapshots(tmp_path / "bucket")
    session = Session(id=secrets.token_hex(16), key=secrets.token_bytes(32), epoch=1)
    first = Holder(WorkerGateway(snapshots, phones.worker), session)
    number = phones.scan(first.next("qr")["code"])
    first.next("connected")
    eventually(lambda: snapshots.latest(session.id), _PATIENCE)
    first.can_publish = False
    identifier = _written(phones, number, "Does this get lost?")
    eventually(lambda: first.refused == [identifier], _PATIENCE)
    # Longer than a changed state has to rest before it is saved.
    time.sleep(DEBOUNCE_SECONDS + 1)
    assert phones.state()["unacknowledged"] == [identifier]
    bucket = shutil.copytree(tmp_path / "bucket", tmp_path / "bucket as it was then")
    first.lose_container()
    second = Holder(WorkerGateway(DirectorySnapshots(bucket), phones.worker), replace(session, epoch=2))
    try:
        assert second.next("message")["key"]["id"] == identifier
        eventually(lambda: phones.state()["unacknowledged"] == [], _PATIENCE)
    finally:
        second.close()


def test_a_worker_that_was_replaced_ends_and_the_account_is_taken_again(
    hub: Hub, phones: Phones, account: tuple[str, str, Deps]
) -> None:
    channel, number, process = account
    former = _pid(process, channel)
    phones.replace()
    eventually(lambda: line_of(process, channel) is not None and _pid(process, channel) != former, _PATIENCE)
    _written(phones, number, "Who are you?")
    eventually(lambda: _texts(hub) == ["Who are you?"], _PATIENCE)


def test_an_account_that_is_unlinked_on_the_phone_is_disconnected(
    hub: Hub, phones: Phones, account: tuple[str, str, Deps]
) -> None:
    channel, number, _ = account
    phones.unlink(number)
    eventually(lambda: status_of(hub, channel) == "DISCONNECTED", _PATIENCE)
    assert eventually(lambda: [n for n in hub.documents("notifications") if "unlinked" in n["message"]])
    assert not [path for path in (hub.deps.settings.data_dir / "sessions").rglob("*") if path.is_file()]


def test_logging_out_here_unlinks_the_device(hub: Hub, phones: Phones, account: tuple[str, str, Deps]) -> None:
    channel, number, _ = account
    assert number in phones.state()["devices"]
    hub.post(f"/api/v1/instances/{hub.documents('instances', id=channel)[0]['name']}/logout", {})
    eventually(lambda: number not in phones.state()["devices"], _PATIENCE)


def test_another_process_goes_on_where_the_first_has_stopped(
    hub: Hub, phones: Phones, start: Start, channels: Channels
) -> None:
    _, first = start("one", channels=channels)
    channel = str(hub.post("/api/channels", {"name": "Shop", "type": "WHATSAPP", "config": {}}, 201)["id"])
    number = _scanned(hub, phones, channel)
    first.stop()
    _written(phones, number, "Between two holders")
    start("two", channels=channels)
    eventually(lambda: _texts(hub) == ["Between two holders"], _PATIENCE)
    assert not phones.state()["heldTwice"]


def test_a_session_that_is_restored_as_it_was_some_messages_ago_heals(
    hub: Hub, phones: Phones, start: Start, channels: Channels
) -> None:
    _, first = start("one", channels=channels)
    channel = str(hub.post("/api/channels", {"name": "Shop", "type": "WHATSAPP", "config": {}}, 201)["id"])
    number = _scanned(hub, phones, channel)
    folder = hub.deps.settings.data_dir / "sessions"
    (snapshot,) = eventually(lambda: [path for path in folder.rglob("*") if path.is_file()], _PATIENCE)
    _written(phones, number, "One")
    eventually(lambda: len(_texts(hub)) == 1, _PATIENCE)
    before = snapshot.read_bytes()
    _answer(hub, "Aye")
    eventually(lambda: {"conversation": "Aye"} in phones.read(CUSTOMER), _PATIENCE)
    # From its answer on the phone encrypts with keys that move on.
    eventually(lambda: snapshot.read_bytes() != before, _PATIENCE)
    stale = snapshot.read_bytes()
    for text in ("Two", "Three"):
        _written(phones, number, text)
    eventually(lambda: len(_texts(hub)) == 4, _PATIENCE)
    first.stop()
    snapshot.write_bytes(stale)
    retries = phones.state()["retries"]
    start("two", channels=channels)
    eventually(lambda: number in phones.state()["connected"], _PATIENCE)
    _written(phones, number, "Four")
    eventually(lambda: "Four" in _texts(hub), _PATIENCE)
    assert phones.state()["retries"] > retries
    assert sorted(str(text) for text in _texts(hub)) == ["Aye", "Four", "One", "Three", "Two"]


def _paired_account(hub: Hub, phones: Phones) -> str:
    """Scans the code of the tenant's only account; returns the account's number."""
    (instance,) = hub.documents("instances", tenant_id=hub.tenant_id)
    return phones.scan(_pairing(hub, instance["id"], "text"))


def _reconnected(phones: Phones, restart: Callable[[], object]) -> None:
    logins = phones.state()["logins"]
    restart()
    eventually(lambda: phones.state()["logins"] > logins, _PATIENCE)


def _speaks(hub: Hub, phones: Phones, number: str, text: str) -> None:
    """A customer writes, and is heard."""
    _written(phones, number, text)
    eventually(lambda: text in _texts(hub), _PATIENCE)


def test_omnichat_pairs_restarts_and_unlinks_an_account(
    hub: Hub, phones: Phones, start: Start, channels: Channels
) -> None:
    start("one", channels=channels)
    channel = str(hub.post("/api/channels", {"name": "Shop", "type": "WHATSAPP", "config": {}}, 201)["id"])
    qr_code = hub.post(f"/api/channels/{channel}/connect", {})["pairing"]["qrCode"]
    assert qr_code.startswith("data:image/png;base64,")
    number = _paired_account(hub, phones)
    eventually(lambda: hub.get(f"/api/channels/{channel}")["status"] == "CONNECTED", _PATIENCE)
    _speaks(hub, phones, number, "Hello")
    _answer(hub, "Hello from OmniChat")
    eventually(lambda: {"conversation": "Hello from OmniChat"} in phones.read(CUSTOMER), _PATIENCE)
    _reconnected(phones, lambda: hub.post(f"/api/channels/{channel}/connect", {}))
    _speaks(hub, phones, number, "Back again?")
    hub.client.delete(f"/api/channels/{channel}", headers=hub.headers)
    eventually(lambda: number not in phones.state()["devices"], _PATIENCE)


def test_omni_hub_pairs_restarts_and_logs_out_an_account(
    hub: Hub, phones: Phones, start: Start, channels: Channels
) -> None:
    start("one", channels=channels)
    agent = {"agent_api_url": hub.provider.url, "agent_api_key": "agent-key-5678", "default_agent": "support"}
    hub.post("/api/v1/instances", agent | {"name": "shop"}, 201)
    path = "/api/v1/instances/shop"
    eventually(lambda: hub.get(f"{path}/qr")["qr_code"], _PATIENCE)
    number = _paired_account(hub, phones)
    eventually(lambda: hub.get(f"{path}/status")["status"] == "connected", _PATIENCE)
    _speaks(hub, phones, number, "Hello")
    hub.post("/api/v1/instance/shop/send-text", {"phone": CUSTOMER, "message": "Hello from Omni-Hub"})
    eventually(lambda: {"conversation": "Hello from Omni-Hub"} in phones.read(CUSTOMER), _PATIENCE)
    _reconnected(phones, lambda: hub.post(f"{path}/restart", {}))
    _speaks(hub, phones, number, "Back again?")
    hub.post(f"{path}/logout", {})
    eventually(lambda: number not in phones.state()["devices"], _PATIENCE)
    eventually(lambda: hub.get(f"{path}/status")["status"] == "disconnected", _PATIENCE)


def test_omega_pairs_one_account_and_a_script_speaks_by_it(
    hub: Hub, phones: Phones, start: Start, channels: Channels
) -> None:
    _, first = start("one", channels=channels)
    assert hub.post("/api/pair", {})["status"] == "qr_ready"
    number = _paired_account(hub, phones)
    assert hub.get("/api/pair/status")["status"] == "paired"
    _speaks(hub, phones, number, "Hello")
    script = {"source": "github", "message": "Hello from Omega", "mode": "direct", "target": f"+{CUSTOMER}"}
    assert hub.post("/api/webhook", script | {"channel": "whatsapp"})["status"] == "delivered"
    eventually(lambda: {"conversation": "Hello from Omega"} in phones.read(CUSTOMER), _PATIENCE)

    def restart() -> None:
        first.stop()
        start("two", channels=channels)

    _reconnected(phones, restart)
    _speaks(hub, phones, number, "Back again?")
    assert hub.get("/api/health")["whatsapp"] == "connected"
    phones.unlink(number)
    eventually(lambda: hub.get("/api/health")["whatsapp"] == "disconnected", _PATIENCE)
    assert hub.post("/api/pair", {})["status"] == "qr_ready"
