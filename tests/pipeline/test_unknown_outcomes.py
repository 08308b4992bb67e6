"""Messages of which nobody knows whether the provider has them settle themselves, by what the channel can do."""

from __future__ import annotations

from datetime import timedelta
from itertools import count
from typing import Any

import pytest

from shared.domain.messages import Direction, MessageStatus
from shared.ports.store import Merge
from shared.usecases.delivery import delivery, settling
from tests import refs
from tests.evolution import MARIA, evolution_rules, upsert
from tests.pipeline.manual_hub import ManualHub
from tests.pipeline.sending import fate
from tests.stubs import Received, Reply

SEND, FIND = "/message/sendText", "/chat/findMessages"
NOTHING = Reply(json={"messages": {"records": []}})


class WhatsApp:
    """An Evolution that takes every text, but whose answers get lost; `sent` is what it has and shows."""

    def __init__(self, hub: ManualHub) -> None:
        self.hub = hub
        self.sent: list[dict[str, Any]] = []
        self._numbers = count(1)
        self.is_reachable = False
        evolution_rules(hub.provider)
        hub.provider.on("POST", SEND, self.take)
        hub.provider.on("POST", FIND, self._show)
        self.channel_id = hub.whatsapp()
        hub.maria_writes(self.channel_id, "hello")
        self.session = hub.conversation().id

    def record(self, text: str, external_id: str, **wait: float) -> dict[str, Any]:
        """A message of the account as Evolution shows it, sent now or after a while."""
        key = {"remoteJid": MARIA, "fromMe": True, "id": external_id}
        sent_at = int((self.hub.deps.now() + timedelta(**wait)).timestamp())
        return {
            "key": key,
            "messageType": "conversation",
            "message": {"conversation": text},
            "messageTimestamp": sent_at,
        }

    def take(self, request: Received) -> Reply:
        record = self.record(request.json["text"], f"OUT{next(self._numbers)}")
        self.sent.append(record)
        return Reply(201, {"key": record["key"]}) if self.is_reachable else Reply(drop=True)

    def _show(self, request: Received) -> Reply:
        assert request.json["where"] == {"key": {"remoteJid": MARIA, "fromMe": True}}
        return Reply(json={"messages": {"total": len(self.sent), "records": self.sent[::-1]}})

    def say(self, text: str = "how are you?") -> str:
        return str(self.hub.say(self.session, text)["message"]["id"])

    def tell_echo(self, record: dict[str, Any]) -> None:
        """Evolution tells by webhook what was sent, and it is read at once."""
        self.hub.read(*self.hub.post_webhook(f"/webhook/whatsapp/{self.channel_id}", upsert(record)))

    @property
    def texts(self) -> list[str]:
        """What the hub sent, as often as it did."""
        return [request.json["text"] for request in self.hub.provider.to(SEND)]


@pytest.fixture
def whatsapp(manual_hub: ManualHub) -> WhatsApp:
    return WhatsApp(manual_hub)


def _pass_a_minute(hub: ManualHub) -> None:
    """In which the provider is asked as often as it ever will be."""
    for _ in range(settling.MAX_LOOKUPS):
        hub.wait(seconds=20)
        hub.tick()


def test_what_the_provider_shows_was_sent_and_is_not_sent_again(manual_hub: ManualHub, whatsapp: WhatsApp) -> None:
    message_id = whatsapp.say()
    manual_hub.work()
    assert fate(manual_hub, message_id) == "SENT"
    [message] = manual_hub.messages(Direction.OUTBOUND)
    assert (message.external_message_id, message.status) == ("OUT1", MessageStatus.SENT)
    [item] = manual_hub.documents("outbox", id=message_id)
    assert (item["unknown_since"], item["lookups"]) == (None, 0), "a next part begins anew"
    assert whatsapp.texts == ["how are you?"]
    assert manual_hub.documents("notifications", type="message_dead") == []


def test_a_message_that_the_provider_shows_after_a_while_is_found(manual_hub: ManualHub, whatsapp: WhatsApp) -> None:
    manual_hub.provider.on("POST", FIND, NOTHING, times=1)
    message_id = whatsapp.say()
    manual_hub.work()
    _pass_a_minute(manual_hub)
    assert fate(manual_hub, message_id) == "SENT"
    assert len(manual_hub.provider.to(FIND)) == 2


@pytest.mark.parametrize("answer", [NOTHING, Reply(404), Reply(json=["what?"])], ids=["none", "old", "odd"])
def test_what_the_provider_does_not_show_is_a_persons_to_decide(
    manual_hub: ManualHub, whatsapp: WhatsApp, answer: Reply
) -> None:
    manual_hub.provider.on("POST", FIND, answer)
    message_id = whatsapp.say()
    manual_hub.work()
    _pass_a_minute(manual_hub)
    assert len(manual_hub.provider.to(FIND)) == settling.MAX_LOOKUPS
    [dead] = manual_hub.get("/api/outbox?status=DEAD")["items"]
    assert (dead["id"], dead["reason"]) == (message_id, "outcome_unknown")
    assert "was asked" in dead["error"]
    assert len(manual_hub.documents("notifications", type="message_dead")) == 1
    whatsapp.is_reachable = True
    manual_hub.post(f"/api/outbox/{message_id}/redrive", {}, 202)
    manual_hub.work()
    assert fate(manual_hub, message_id) == "SENT"


def test_one_message_that_is_shown_is_not_two_of_ours_with_the_same_words(
    manual_hub: ManualHub, whatsapp: WhatsApp
) -> None:
    whatsapp.is_reachable = True
    whatsapp.say("yes")
    manual_hub.work()
    manual_hub.provider.on("POST", SEND, Reply(drop=True))
    second = whatsapp.say("yes")
    manual_hub.work()
    _pass_a_minute(manual_hub)
    assert fate(manual_hub, second) == "DEAD"


def test_what_follows_waits_until_the_outcome_is_known(manual_hub: ManualHub, whatsapp: WhatsApp) -> None:
    def say_more(request: Received) -> Reply:
        whatsapp.is_reachable = True
        whatsapp.say("second")
        return NOTHING

    manual_hub.provider.on("POST", FIND, say_more, times=1)
    first = whatsapp.say("first")
    fates = []

    def take_second(request: Received) -> Reply:
        fates.append(fate(manual_hub, first))
        return Reply(201, {"key": {"remoteJid": MARIA, "fromMe": True, "id": "SECOND"}})

    manual_hub.provider.on("POST", SEND, take_second)
    manual_hub.provider.on("POST", SEND, whatsapp.take, times=1)
    manual_hub.work()
    _pass_a_minute(manual_hub)
    assert (whatsapp.texts, fates) == (["first", "second"], ["SENT"])


def test_what_a_dead_process_was_sending_is_asked_after_the_next_start(
    manual_hub: ManualHub, whatsapp: WhatsApp
) -> None:
    manual_hub.provider.on("POST", SEND, Reply(429), times=1)
    message_id = whatsapp.say()
    manual_hub.work()
    lease = {"status": "SENDING", "lease_owner": "a dead process", "due_at": manual_hub.deps.now() + timedelta(hours=1)}
    manual_hub.store.commit([Merge(refs.outbox(message_id), lease)])
    whatsapp.sent.append(whatsapp.record("how are you?", "LOST"))
    assert delivery.recover(manual_hub.deps) == 1
    assert manual_hub.provider.to(FIND) == [], "a start does not wait for providers"
    manual_hub.work()
    assert (fate(manual_hub, message_id), whatsapp.texts) == ("SENT", ["how are you?"])


@pytest.mark.parametrize("is_dead", [False, True], ids=["while it is asked", "after it was given up"])
def test_an_echo_settles_the_message_and_is_it(manual_hub: ManualHub, whatsapp: WhatsApp, is_dead: bool) -> None:
    manual_hub.provider.on("POST", FIND, Reply(404))
    message_id = whatsapp.say()
    manual_hub.work()
    if is_dead:
        _pass_a_minute(manual_hub)
    whatsapp.tell_echo(whatsapp.sent[0])
    assert fate(manual_hub, message_id) == "SENT"
    [message] = manual_hub.messages(Direction.OUTBOUND)
    assert (message.id, message.external_message_id) == (message_id, "OUT1")
    assert (message.status, message.error) == (MessageStatus.SENT, None)
    whatsapp.tell_echo(whatsapp.sent[0])
    _pass_a_minute(manual_hub)
    assert [message.id for message in manual_hub.messages(Direction.OUTBOUND)] == [message_id]
    assert whatsapp.texts == ["how are you?"]


def test_an_echo_that_came_before_the_outcome_was_unknown_is_the_message(
    manual_hub: ManualHub, whatsapp: WhatsApp
) -> None:
    manual_hub.provider.on("POST", FIND, Reply(404))

    def tell_and_die(request: Received) -> Reply:
        whatsapp.tell_echo(whatsapp.record("how are you?", "EARLY"))
        return Reply(drop=True)

    manual_hub.provider.on("POST", SEND, tell_and_die)
    message_id = whatsapp.say()
    manual_hub.work()
    assert fate(manual_hub, message_id) == "SENT"
    [message] = manual_hub.messages(Direction.OUTBOUND)
    assert (message.id, message.external_message_id) == (message_id, "EARLY")


def test_what_follows_a_message_whose_echo_came_early_goes_out_with_it(
    manual_hub: ManualHub, whatsapp: WhatsApp
) -> None:
    def tell_and_die(request: Received) -> Reply:
        whatsapp.tell_echo(whatsapp.record("how are you?", "EARLY"))
        return Reply(drop=True)

    whatsapp.is_reachable = True
    manual_hub.provider.on("POST", SEND, tell_and_die, times=1)
    message_ids = [whatsapp.say(), whatsapp.say("and your cat?")]
    manual_hub.work()
    manual_hub.wait(seconds=2)  # the pace of the account lets the second one go only then
    manual_hub.work()
    assert [fate(manual_hub, each) for each in message_ids] == ["SENT", "SENT"]


@pytest.mark.parametrize(
    ("text", "wait"), [("good morning", 0), ("how are you?", 3600)], ids=["other words", "an hour later"]
)
def test_what_somebody_writes_by_phone_settles_nothing(
    manual_hub: ManualHub, whatsapp: WhatsApp, text: str, wait: float
) -> None:
    manual_hub.provider.on("POST", FIND, Reply(404))
    message_id = whatsapp.say()
    manual_hub.work()
    whatsapp.tell_echo(whatsapp.record(text, "PHONE", seconds=wait))
    assert fate(manual_hub, message_id) != "SENT"
    assert len(manual_hub.messages(Direction.OUTBOUND)) == 2


def test_an_instance_that_sends_again_what_is_unknown_asks_first(manual_hub: ManualHub, whatsapp: WhatsApp) -> None:
    manual_hub.store.commit([Merge(refs.instance(whatsapp.channel_id), {"resend_unknown": True})])
    manual_hub.deps.cache.forget(("instance", whatsapp.channel_id))
    message_id = whatsapp.say()
    manual_hub.work()
    assert (fate(manual_hub, message_id), whatsapp.texts) == ("SENT", ["how are you?"])


def test_a_message_that_is_sent_again_is_asked_after_as_often_as_before(
    manual_hub: ManualHub, whatsapp: WhatsApp
) -> None:
    manual_hub.store.commit([Merge(refs.instance(whatsapp.channel_id), {"resend_unknown": True})])
    manual_hub.deps.cache.forget(("instance", whatsapp.channel_id))
    manual_hub.provider.on("POST", FIND, NOTHING)
    whatsapp.say()
    manual_hub.work()
    while len(whatsapp.texts) < 3:
        manual_hub.wait(seconds=20)
        manual_hub.tick()
    assert len(manual_hub.provider.to(FIND)) == 2 * settling.MAX_LOOKUPS + 1, "the third has just begun"


@pytest.mark.parametrize(
    ("seconds", "is_ours"),
    [(-75, False), (-45, True), (590, True), (615, False)],
    ids=["before", "just", "at", "after"],
)
def test_clocks_may_differ_by_a_minute_and_an_echo_be_ten_late(
    manual_hub: ManualHub, whatsapp: WhatsApp, seconds: float, is_ours: bool
) -> None:
    manual_hub.provider.on("POST", FIND, Reply(404))
    message_id = whatsapp.say()
    manual_hub.work()
    whatsapp.tell_echo(whatsapp.record("how are you?", "ECHO", seconds=seconds))
    assert (fate(manual_hub, message_id) == "SENT") is is_ours
    assert len(manual_hub.messages(Direction.OUTBOUND)) == (1 if is_ours else 2)


def test_after_a_day_an_echo_settles_nothing_and_the_chat_forgets_the_message(
    manual_hub: ManualHub, whatsapp: WhatsApp
) -> None:
    manual_hub.provider.on("POST", FIND, Reply(404))
    message_id = whatsapp.say()
    manual_hub.work()
    _pass_a_minute(manual_hub)
    [identity] = [each for each in manual_hub.documents("identities") if each["unsettled_ids"]]
    assert identity["unsettled_ids"] == [message_id]
    echo = whatsapp.sent[0]
    manual_hub.wait(days=1, minutes=1)
    whatsapp.tell_echo(echo)
    assert fate(manual_hub, message_id) == "DEAD"
    assert [each for each in manual_hub.documents("identities") if each["unsettled_ids"]] == []
