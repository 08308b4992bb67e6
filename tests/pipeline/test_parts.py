"""A message that its provider takes only as several: all of it reaches the customer, and nothing of it twice."""

from __future__ import annotations

from typing import Any

import pytest

from shared.domain.messages import Direction, MessageStatus
from shared.ports.store import Merge
from tests import refs
from tests.evolution import MARIA, evolution_rules, upsert, written
from tests.pipeline.manual_hub import ManualHub
from tests.pipeline.sending import fate
from tests.stubs import Received, Reply

CAT, DOG = "https://files.example/cat.jpg", "https://files.example/dog.jpg"
ANIMALS = [{"type": "image", "url": CAT}, {"type": "image", "url": DOG}]
SEND_PHOTO = "/sendPhoto"


def _send(hub: ManualHub, text: str = "look", attachments: Any = ANIMALS) -> str:
    """Have a message accepted for a Telegram chat."""
    body = {"channelInstanceId": hub.telegram(), "externalUserId": "5", "text": text, "attachments": attachments}
    return str(hub.post("/api/messages/send", body, 202)["message"]["id"])


def _take_photo(request: Received) -> Reply:
    """Telegram takes a picture; its number is that of the picture's address."""
    number = 100 if request.json["photo"] == CAT else 200
    return Reply(json={"ok": True, "result": {"message_id": number, "chat": {"id": 5}}})


def _photos(hub: ManualHub) -> list[tuple[str, str | None]]:
    return [(request.json["photo"], request.json.get("caption")) for request in hub.provider.to(SEND_PHOTO)]


def _message_out(hub: ManualHub, message_id: str) -> dict[str, Any]:
    """The message as OmniChat's clients see it."""
    conversation_id = hub.conversation().id
    messages = hub.get(f"/api/conversations/{conversation_id}/messages")["messages"]
    return dict(next(message for message in messages if message["id"] == message_id))


def test_every_attachment_leaves_and_the_text_goes_with_the_first(manual_hub: ManualHub) -> None:
    manual_hub.provider.on("POST", SEND_PHOTO, _take_photo)
    message_id = _send(manual_hub)
    manual_hub.work()
    assert _photos(manual_hub) == [(CAT, "look"), (DOG, None)]
    assert fate(manual_hub, message_id) == "SENT"
    message = _message_out(manual_hub, message_id)
    assert (message["status"], message["externalMessageId"]) == ("sent", "5:100")
    assert "note" not in message


@pytest.mark.parametrize("attachments", [ANIMALS, ANIMALS[:1]], ids=["two parts", "one"])
def test_a_message_that_is_cut_into_fewer_parts_than_are_out_comes_to_an_end(
    manual_hub: ManualHub, attachments: Any
) -> None:
    manual_hub.provider.on("POST", SEND_PHOTO, _take_photo)
    message_id = _send(manual_hub, attachments=attachments)
    manual_hub.store.commit([Merge(refs.outbox(message_id), {"parts_sent": 9})])
    manual_hub.work()
    assert fate(manual_hub, message_id) == "SENT"


@pytest.mark.parametrize("failure", [Reply(500), Reply(429, {"ok": False, "parameters": {"retry_after": 1}})])
def test_after_a_failure_only_what_is_not_out_is_tried_again(manual_hub: ManualHub, failure: Reply) -> None:
    manual_hub.provider.on("POST", SEND_PHOTO, failure)
    manual_hub.provider.on("POST", SEND_PHOTO, _take_photo, times=1)
    message_id = _send(manual_hub)
    manual_hub.work()
    assert fate(manual_hub, message_id) == "FAILED"
    manual_hub.provider.on("POST", SEND_PHOTO, _take_photo)
    manual_hub.wait(seconds=90)
    manual_hub.tick()
    assert fate(manual_hub, message_id) == "SENT"
    first, *later = [photo for photo, _ in _photos(manual_hub)]
    assert (first, set(later)) == (CAT, {DOG})


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        (Reply(403, {"ok": False, "error_code": 403, "description": "bot was blocked"}), "rejected"),
        (Reply(drop=True), "outcome_unknown"),
    ],
    ids=["refused", "unknown"],
)
def test_a_message_of_which_only_a_part_is_out_says_so_and_goes_on_when_it_is_redriven(
    manual_hub: ManualHub, failure: Reply, reason: str
) -> None:
    manual_hub.provider.on("POST", SEND_PHOTO, failure)
    manual_hub.provider.on("POST", SEND_PHOTO, _take_photo, times=1)
    message_id = _send(manual_hub)
    manual_hub.work()
    [dead] = manual_hub.get("/api/outbox?status=DEAD")["items"]
    assert (dead["id"], dead["reason"]) == (message_id, reason)
    assert _message_out(manual_hub, message_id)["note"] == "only its first part was sent"
    manual_hub.provider.on("POST", SEND_PHOTO, _take_photo)
    manual_hub.post(f"/api/outbox/{message_id}/redrive", {}, 202)
    manual_hub.work()
    assert fate(manual_hub, message_id) == "SENT"
    assert [photo for photo, _ in _photos(manual_hub)] == [CAT, DOG, DOG]
    assert "note" not in _message_out(manual_hub, message_id)


def test_what_follows_a_message_waits_for_all_its_parts(manual_hub: ManualHub) -> None:
    manual_hub.provider.on("POST", SEND_PHOTO, Reply(500))
    manual_hub.provider.on("POST", SEND_PHOTO, _take_photo, times=1)
    _send(manual_hub)
    manual_hub.work()
    manual_hub.say(manual_hub.conversation().id, "behind it")
    manual_hub.work()
    assert manual_hub.sent_texts() == []


def test_a_file_that_went_as_a_link_is_noted_on_the_message(manual_hub: ManualHub) -> None:
    refusal = {"ok": False, "error_code": 400, "description": "Bad Request: failed to get HTTP URL content"}
    manual_hub.provider.on("POST", SEND_PHOTO, _take_photo)
    manual_hub.provider.on("POST", SEND_PHOTO, Reply(400, refusal), times=1)
    message_id = _send(manual_hub)
    manual_hub.work()
    assert manual_hub.sent_texts() == [f"look\n{CAT}"]
    assert _message_out(manual_hub, message_id)["note"] == "sent as a link: the image"
    [listed] = manual_hub.get(f"/messages/{manual_hub.conversation().id}")["messages"]
    assert listed["note"] == "sent as a link: the image"


class WhatsApp:
    """Maria's chat, in which the hub sends a recording with a text: two messages for WhatsApp."""

    def __init__(self, hub: ManualHub) -> None:
        self.hub = hub
        evolution_rules(hub.provider)
        key = {"remoteJid": MARIA, "fromMe": True, "id": "VOICE"}
        hub.provider.on("POST", "/message/sendWhatsAppAudio", Reply(201, {"key": key}))
        self.channel_id = hub.whatsapp(repliesPerSecond=0)
        hub.maria_writes(self.channel_id, "hello")

    def send(self) -> str:
        recording = {"type": "audio", "url": "https://files.example/a.ogg"}
        body = {"conversationId": self.hub.conversation().id, "text": "listen", "attachments": [recording]}
        return str(self.hub.post("/api/messages/send", body, 202)["message"]["id"])

    def tell(self, body: dict[str, Any]) -> None:
        """A webhook of Evolution's, which is read at once."""
        self.hub.read(*self.hub.post_webhook(f"/webhook/whatsapp/{self.channel_id}", body))

    def tell_status(self, external_id: str, status: str) -> None:
        data = {"keyId": external_id, "remoteJid": MARIA, "fromMe": True, "status": status}
        self.tell({"event": "messages.update", "instance": "shop", "data": data})


def test_echo_and_receipt_of_any_part_are_about_the_one_message(manual_hub: ManualHub) -> None:
    whatsapp = WhatsApp(manual_hub)
    message_id = whatsapp.send()
    manual_hub.work()
    whatsapp.tell(upsert(written("listen", fromMe=True, id="OUT1")))
    whatsapp.tell_status("OUT1", "READ")
    [message] = manual_hub.messages(Direction.OUTBOUND)
    assert (message.id, message.external_message_id, message.status) == (message_id, "VOICE", MessageStatus.READ)


@pytest.mark.parametrize("call", ["sendWhatsAppAudio", "sendText"])
def test_a_receipt_of_the_first_part_outlives_the_sending_of_the_second(manual_hub: ManualHub, call: str) -> None:
    whatsapp = WhatsApp(manual_hub)

    def take(request: Received) -> Reply:
        external_id = "VOICE" if "audio" in request.json else "TEXT"
        if call in request.path:
            whatsapp.tell_status("VOICE", "DELIVERY_ACK")
        return Reply(201, {"key": {"remoteJid": MARIA, "fromMe": True, "id": external_id}})

    manual_hub.provider.on("POST", "/message/", take)
    message_id = whatsapp.send()
    manual_hub.deliver()
    assert fate(manual_hub, message_id) == "SENT"
    assert [message.status for message in manual_hub.messages(Direction.OUTBOUND)] == [MessageStatus.DELIVERED]
