"""Polls, contacts and messages that are passed on, from the API to the provider."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from shared.documents.unit_of_work import UnitOfWork
from shared.domain.messages import Author, Direction, MessageKind
from shared.usecases.conversations import forwarding
from shared.usecases.instances import instances
from shared.usecases.outbox.enqueueing import Draft
from tests.evolution import MARIA, evolution_rules
from tests.pipeline.manual_hub import ManualHub
from tests.pipeline.models import sends_file
from tests.stubs import Reply

POLL = {"question": "Which one?", "options": ["red", "blue"]}


@pytest.fixture
def session(manual_hub: ManualHub) -> str:
    """A conversation by Telegram, whose customer has written "where is it?"."""
    answer = Reply(json={"ok": True, "result": {"message_id": 900, "chat": {"id": 5}}})
    for method in ("sendPoll", "sendContact", "forwardMessage"):
        manual_hub.provider.on("POST", f"/{method}", answer)
    manual_hub.writes(manual_hub.telegram(), "where is it?")
    return manual_hub.conversation().id


def _send(hub: ManualHub, session: str, status: int = 202, **content: Any) -> Any:
    answer = hub.post("/api/messages/send", {"conversationId": session, **content}, status)
    hub.work()
    return answer


def test_a_poll_is_sent_and_stored_as_one(manual_hub: ManualHub, session: str) -> None:
    message = _send(manual_hub, session, poll=POLL)["message"]
    [request] = manual_hub.provider.to("/sendPoll")
    assert request.json["question"] == "Which one?"
    assert (message["type"], message["text"], message["content"]["poll"]) == ("poll", "Which one?", POLL)
    manual_hub.patch(f"/api/messages/{message['id']}", {"text": "Which?"}, 422)


def test_the_dashboard_sends_polls_and_passes_messages_on(manual_hub: ManualHub, session: str) -> None:
    received = manual_hub.messages(Direction.INBOUND)[0].id
    manual_hub.post("/messages/send", {"session_id": session, "poll": POLL}, 202)
    manual_hub.post("/messages/send", {"session_id": session, "forward_of": received}, 202)
    manual_hub.work()
    assert len(manual_hub.provider.to("/sendPoll")) == len(manual_hub.provider.to("/forwardMessage")) == 1


@pytest.mark.parametrize(
    "content",
    [
        {"poll": {"question": "?", "options": ["one"]}},
        {"poll": POLL, "text": "beside it"},
        {"poll": POLL, "forwardOf": "m"},
        {"attachments": [{"type": "contact", "name": "Bob"}]},
    ],
)
def test_what_makes_no_message_is_refused(manual_hub: ManualHub, session: str, content: dict[str, Any]) -> None:
    _send(manual_hub, session, 400, **content)


@pytest.mark.parametrize("content", [{}, {"poll": POLL, "content": "beside it"}, {"poll": POLL, "forward_of": ""}])
def test_the_dashboard_refuses_the_same(manual_hub: ManualHub, session: str, content: dict[str, Any]) -> None:
    if content.get("forward_of") == "":
        content = {"content": "beside it", "forward_of": "m"}
    manual_hub.post("/messages/send", {"session_id": session, **content}, 400)


def test_where_there_are_no_polls_that_is_said(manual_hub: ManualHub) -> None:
    widget = manual_hub.post("/api/channels", {"name": "web", "type": "WIDGET"}, 201)["id"]
    body = {"channelInstanceId": widget, "externalUserId": "ann", "poll": POLL}
    assert "has no polls" in str(manual_hub.post("/api/messages/send", body, 422))


def test_a_contact_goes_as_a_card(manual_hub: ManualHub, session: str) -> None:
    bob = {"type": "contact", "name": "Bob", "phones": ["+491511"]}
    message = _send(manual_hub, session, attachments=[bob])["message"]
    [request] = manual_hub.provider.to("/sendContact")
    assert (request.json["first_name"], request.json["phone_number"]) == ("Bob", "+491511")
    assert message["attachments"][0]["extra"] == {"phones": ["+491511"]}


def test_a_message_is_passed_on_as_its_provider_does_it(manual_hub: ManualHub, session: str) -> None:
    received = manual_hub.messages(Direction.INBOUND)[0]
    channel_id = manual_hub.conversation().instance_id
    body = {"channelInstanceId": channel_id, "externalUserId": "6", "forwardOf": received.id}
    message = manual_hub.post("/api/messages/send", body, 202)["message"]
    manual_hub.work()
    [request] = manual_hub.provider.to("/forwardMessage")
    number = int((received.external_message_id or "").rpartition(":")[2])
    assert request.json == {"chat_id": "6", "from_chat_id": "5", "message_id": number}
    assert (message["text"], message["content"]["forwarded"]) == ("where is it?", {"author": "Customer 5"})


def test_a_message_that_went_out_in_parts_is_passed_on_whole(manual_hub: ManualHub, session: str) -> None:
    photo = Reply(json={"ok": True, "result": {"message_id": 901, "chat": {"id": 5}}})
    manual_hub.provider.on("POST", "/sendPhoto", photo)
    pictures = [{"type": "image", "url": f"https://files.example/{name}.jpg"} for name in ("cat", "dog")]
    message = _send(manual_hub, session, attachments=pictures)["message"]
    channel_id = manual_hub.conversation().instance_id
    body = {"channelInstanceId": channel_id, "externalUserId": "6", "forwardOf": message["id"]}
    manual_hub.post("/api/messages/send", body, 202)
    manual_hub.work()
    photos = [request.json for request in manual_hub.provider.to("/sendPhoto") if request.json["chat_id"] == "6"]
    assert [photo["photo"] for photo in photos] == [picture["url"] for picture in pictures]


def test_another_bot_has_no_part_in_the_chat_and_sends_a_copy(manual_hub: ManualHub, session: str) -> None:
    received = manual_hub.messages(Direction.INBOUND)[0]
    body = {"name": "Sales", "type": "TELEGRAM_BOT", "config": {"botToken": "8:token"}}
    other_bot = manual_hub.post("/api/channels", body, 201)["id"]
    body = {"channelInstanceId": other_bot, "externalUserId": "6", "forwardOf": received.id}
    manual_hub.post("/api/messages/send", body, 202)
    manual_hub.work()
    assert manual_hub.sent_texts() == ["where is it?"]
    assert manual_hub.provider.to("/forwardMessage") == []


def test_to_another_channel_it_goes_as_a_copy(manual_hub: ManualHub, session: str) -> None:
    evolution_rules(manual_hub.provider)
    whatsapp = manual_hub.whatsapp()
    received = manual_hub.messages(Direction.INBOUND)[0]
    body = {"channelInstanceId": whatsapp, "externalUserId": MARIA, "forwardOf": received.id}
    manual_hub.post("/api/messages/send", body, 202)
    manual_hub.work()
    [request] = manual_hub.provider.to("/message/sendText")
    assert request.json["text"] == "where is it?"


def test_a_file_that_only_its_provider_has_is_passed_on_by_a_link(manual_hub: ManualHub, session: str) -> None:
    evolution_rules(manual_hub.provider)
    whatsapp = manual_hub.whatsapp()
    sends_file(manual_hub, manual_hub.conversation().instance_id, "photo", b"png", "image/png", "png")
    photo = next(message for message in manual_hub.messages() if message.attachments)
    body = {"channelInstanceId": whatsapp, "externalUserId": MARIA, "forwardOf": photo.id}
    assert "PUBLIC_URL" in str(manual_hub.post("/api/messages/send", body, 422))
    settings = manual_hub.deps.settings.model_copy(update={"public_url": "https://hub.example"})
    deps = replace(manual_hub.deps, settings=settings)
    draft = Draft(message_id="copy", author=Author.HUMAN)
    instance = instances.by_id(deps, manual_hub.tenant_id, whatsapp)
    copy = forwarding.passing_on(deps, UnitOfWork(deps.store), manual_hub.tenant_id, draft, photo.id, instance)
    [attachment] = copy.attachments
    assert (attachment.url or "").startswith(f"https://hub.example/media/{photo.id}-0/content?copy=")


def test_what_nobody_has_said_is_not_passed_on(manual_hub: ManualHub, session: str) -> None:
    received = manual_hub.messages(Direction.INBOUND)[0]
    note = received.model_copy(update={"id": "note", "direction": Direction.SYSTEM})
    reaction = received.model_copy(update={"id": "reaction", "kind": MessageKind.REACTION})
    for message in (note, reaction):
        unit = UnitOfWork(manual_hub.deps.store)
        unit.messages.add(message)
        unit.commit()
        assert "nothing in this message" in str(_send(manual_hub, session, 422, forwardOf=message.id))


def test_strangers_messages_and_deleted_ones_are_not_passed_on(manual_hub: ManualHub, session: str) -> None:
    own_id = _send(manual_hub, session, text="hello")["message"]["id"]
    manual_hub.provider.on("POST", "/deleteMessage", Reply(json={"ok": True, "result": True}))
    manual_hub.client.delete(f"/api/messages/{own_id}", headers=manual_hub.headers)
    manual_hub.work()
    _send(manual_hub, session, 422, forwardOf=own_id)
    _send(manual_hub, session, 404, forwardOf="nothing")
    received = manual_hub.messages(Direction.INBOUND)[0].id
    manual_hub.register("eve@example.com")
    body = {"channelInstanceId": manual_hub.telegram("Eve"), "externalUserId": "6", "forwardOf": received}
    manual_hub.post("/api/messages/send", body, 404)
    assert manual_hub.provider.to("/forwardMessage") == []
