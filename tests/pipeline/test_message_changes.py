"""Editing and deleting what was sent: the customer sees it first, then the hub says so, and nothing is half done."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from shared.domain.inbound import MessageEdited
from shared.domain.messages import Message
from shared.usecases.delivery.settling import MAX_ATTEMPTS
from shared.usecases.ingest import message_changes
from shared.usecases.instances import instances
from tests.evolution import MARIA, evolution_rules
from tests.pipeline.manual_hub import ManualHub
from tests.pipeline.sending import SEND, accepted, fate
from tests.stubs import Reply, Stub

EDIT, DELETE = "/editMessageText", "/deleteMessage"
OK = Reply(json={"ok": True, "result": True})


def _refused(why: str) -> Reply:
    return Reply(400, {"ok": False, "error_code": 400, "description": f"Bad Request: {why}"})


def _takes_changes(provider: Stub) -> None:
    provider.on("POST", EDIT, OK)
    provider.on("POST", DELETE, OK)


@pytest.fixture
def message_id(manual_hub: ManualHub) -> str:
    """A message that a Telegram customer has been sent."""
    _takes_changes(manual_hub.provider)
    name, _ = accepted(manual_hub, manual_hub.telegram())
    manual_hub.work()
    return name


def _edit(hub: ManualHub, message_id: str, text: str = "hallo", status: int = 202) -> Any:
    return hub.patch(f"/api/messages/{message_id}", {"text": text}, status)


def _delete(hub: ManualHub, message_id: str, status: int = 202) -> Any:
    answer = hub.client.delete(f"/api/messages/{message_id}", headers=hub.headers)
    assert answer.status_code == status, answer.text
    return answer.json


def _message(hub: ManualHub) -> Message:
    [message] = hub.messages()
    return message


def _calls(hub: ManualHub, path: str) -> list[Any]:
    return [request.json for request in hub.provider.to(path)]


def test_an_edit_reaches_the_customer_and_then_the_stored_message(manual_hub: ManualHub, message_id: str) -> None:
    change = _edit(manual_hub, message_id)
    assert (change["queue"]["action"], change["queue"]["messageId"]) == ("edit", message_id)
    assert change["message"]["text"] == "hello"
    manual_hub.new_realtime_events()
    manual_hub.work()
    external_id = _message(manual_hub).external_message_id or ""
    number = int(external_id.rpartition(":")[2])
    assert _calls(manual_hub, EDIT) == [{"chat_id": "5", "message_id": number, "text": "hallo"}]
    message = _message(manual_hub)
    assert (message.text, [version.text for version in message.versions]) == ("hallo", ["hello"])
    assert message.edited_at is not None
    assert "message-updated" in manual_hub.new_realtime_events()
    assert fate(manual_hub, change["queue"]["id"]) == "SENT"


def test_a_deleted_message_is_gone_for_the_customer_and_kept_for_the_business(
    manual_hub: ManualHub, message_id: str
) -> None:
    _delete(manual_hub, message_id)
    manual_hub.work()
    assert len(_calls(manual_hub, DELETE)) == 1
    message = _message(manual_hub)
    assert message.deleted_at is not None
    assert message.text == "hello"
    _delete(manual_hub, message_id, 409)
    _edit(manual_hub, message_id, status=409)


def test_the_dashboard_edits_and_deletes_too(manual_hub: ManualHub, message_id: str) -> None:
    manual_hub.put(f"/messages/{message_id}", {"content": "hallo"}, 202)
    manual_hub.work()
    session = manual_hub.conversation().id
    [message] = manual_hub.get(f"/messages/{session}")["messages"]
    assert (message["content"], "edited_at" in message, "deleted_at" in message) == ("hallo", True, False)
    answer = manual_hub.client.delete(f"/messages/{message_id}", headers=manual_hub.headers)
    assert answer.status_code == 202
    manual_hub.work()
    assert "deleted_at" in manual_hub.get(f"/messages/{session}")["messages"][0]


def test_changes_are_made_in_the_order_in_which_they_were_asked_for(manual_hub: ManualHub, message_id: str) -> None:
    manual_hub.provider.on("POST", EDIT, Reply(500), times=1)
    _edit(manual_hub, message_id, "first")
    _edit(manual_hub, message_id, "second")
    manual_hub.work()
    assert _message(manual_hub).text == "hello"
    manual_hub.wait(seconds=120)
    manual_hub.tick()
    assert [call["text"] for call in _calls(manual_hub, EDIT)] == ["first", "first", "second"]
    assert [version.text for version in _message(manual_hub).versions] == ["hello", "first"]


def test_a_change_of_which_nobody_knows_whether_it_was_made_is_made_again(
    manual_hub: ManualHub, message_id: str
) -> None:
    manual_hub.provider.on("POST", EDIT, _refused("message is not modified: it is the same"))
    manual_hub.provider.on("POST", EDIT, Reply(drop=True), times=1)
    _edit(manual_hub, message_id)
    manual_hub.work()
    manual_hub.wait(seconds=120)
    manual_hub.tick()
    assert _message(manual_hub).text == "hallo"
    assert manual_hub.get("/api/outbox?status=DEAD")["items"] == []


def test_a_change_whose_outcome_stays_unknown_is_tried_as_often_as_a_message(
    manual_hub: ManualHub, message_id: str
) -> None:
    manual_hub.provider.on("POST", EDIT, Reply(drop=True))
    _edit(manual_hub, message_id)
    for _ in range(MAX_ATTEMPTS + 2):
        manual_hub.work()
        manual_hub.wait(minutes=1)
    assert len(_calls(manual_hub, EDIT)) == MAX_ATTEMPTS


def test_what_the_provider_refuses_stays_as_it_was_and_says_so(manual_hub: ManualHub, message_id: str) -> None:
    manual_hub.provider.on("POST", EDIT, _refused("message can't be edited"))
    item_id = _edit(manual_hub, message_id)["queue"]["id"]
    manual_hub.work()
    message = _message(manual_hub)
    assert (message.text, message.edited_at, message.status) == ("hello", None, "sent")
    assert "could not be edited" in (message.note or "")
    [notification] = manual_hub.documents("notifications", tenant_id=manual_hub.tenant_id)
    assert notification["title"] == "A message could not be edited"
    manual_hub.provider.on("POST", EDIT, OK)
    manual_hub.post(f"/api/outbox/{item_id}/redrive", {}, 202)
    manual_hub.work()
    assert (_message(manual_hub).text, _message(manual_hub).note) == ("hallo", None)


def test_a_change_leaves_nothing_but_the_changed_message(manual_hub: ManualHub, message_id: str) -> None:
    manual_hub.provider.on("POST", EDIT, _refused("message can't be edited"), times=1)
    manual_hub.provider.on("POST", EDIT, Reply(500), times=1)
    item_id = _edit(manual_hub, message_id)["queue"]["id"]
    manual_hub.work()
    manual_hub.wait(seconds=120)
    manual_hub.tick()
    manual_hub.post(f"/api/outbox/{item_id}/redrive", {}, 202)
    manual_hub.work()
    assert _message(manual_hub).text == "hallo"
    stored_ids = {document.id for document in manual_hub.store.find("messages", [], limit=100).documents}
    assert item_id not in stored_ids
    assert len(stored_ids) == 2  # with the provider's name for the message


def test_what_still_waits_is_changed_where_it_waits(manual_hub: ManualHub) -> None:
    _takes_changes(manual_hub.provider)
    message_id, _ = accepted(manual_hub, manual_hub.telegram())
    _edit(manual_hub, message_id)
    manual_hub.work()
    assert manual_hub.sent_texts() == ["hallo"]
    assert _calls(manual_hub, EDIT) == []


def test_what_is_deleted_while_it_waits_is_never_sent(manual_hub: ManualHub) -> None:
    message_id, _ = accepted(manual_hub, manual_hub.telegram())
    _delete(manual_hub, message_id)
    manual_hub.work()
    assert manual_hub.sent_texts() == []
    message = _message(manual_hub)
    assert message.deleted_at is not None
    assert message.status == "dead"
    assert manual_hub.documents("notifications", tenant_id=manual_hub.tenant_id) == []


def test_a_change_waits_for_what_became_of_the_message(manual_hub: ManualHub) -> None:
    _takes_changes(manual_hub.provider)
    manual_hub.provider.on("POST", SEND, Reply(drop=True))
    message_id, _ = accepted(manual_hub, manual_hub.telegram())
    manual_hub.work()
    assert fate(manual_hub, message_id) == "DEAD"
    _edit(manual_hub, message_id, status=422)


def test_all_parts_of_a_message_are_deleted_and_the_one_with_its_text_is_edited(manual_hub: ManualHub) -> None:
    _takes_changes(manual_hub.provider)
    manual_hub.provider.on("POST", "/editMessageCaption", OK)

    def photo(request: Any) -> Reply:
        number = 100 if request.json["photo"].endswith("cat.jpg") else 200
        return Reply(json={"ok": True, "result": {"message_id": number, "chat": {"id": 5}}})

    manual_hub.provider.on("POST", "/sendPhoto", photo)
    animals = [{"type": "image", "url": f"https://files.example/{name}.jpg"} for name in ("cat", "dog")]
    body = {"channelInstanceId": manual_hub.telegram(), "externalUserId": "5", "text": "look", "attachments": animals}
    message_id = manual_hub.post("/api/messages/send", body, 202)["message"]["id"]
    manual_hub.work()
    _edit(manual_hub, message_id, "look here")
    manual_hub.work()
    [caption] = _calls(manual_hub, "/editMessageCaption")
    assert (caption["message_id"], caption["caption"]) == (100, "look here")
    assert len(_message(manual_hub).attachments) == 2
    _delete(manual_hub, message_id)
    manual_hub.work()
    assert [call["message_id"] for call in _calls(manual_hub, DELETE)] == [100, 200]


def test_telegram_takes_nothing_back_that_is_older_than_two_days(manual_hub: ManualHub, message_id: str) -> None:
    manual_hub.wait(hours=49)
    refusal = _delete(manual_hub, message_id, 422)
    assert "only within 48 hours" in str(refusal)
    _edit(manual_hub, message_id)


@pytest.mark.parametrize("text", ["", " ", "x" * 4097])
def test_a_text_that_the_channel_cannot_carry_is_refused(manual_hub: ManualHub, message_id: str, text: str) -> None:
    assert "text" in str(_edit(manual_hub, message_id, text, 400))


def test_only_what_was_sent_from_here_can_be_changed(manual_hub: ManualHub, message_id: str) -> None:
    manual_hub.customer_writes(manual_hub.conversation().instance_id, "my own words")
    manual_hub.work()
    received = next(message for message in manual_hub.messages() if message.text == "my own words")
    _edit(manual_hub, received.id, status=422)
    _delete(manual_hub, received.id, 422)


def test_another_tenants_message_and_an_alias_of_ones_own_are_not_there(manual_hub: ManualHub, message_id: str) -> None:
    alias = next(data["id"] for data in _raw(manual_hub) if data["alias_of"] == message_id)
    _edit(manual_hub, alias, status=404)
    manual_hub.register("eve@example.com")
    _edit(manual_hub, message_id, status=404)
    _delete(manual_hub, message_id, 404)
    manual_hub.work()
    assert _calls(manual_hub, EDIT) == []


def _raw(hub: ManualHub) -> list[dict[str, Any]]:
    return [
        {"id": document.id, **document.data}
        for document in hub.store.find("messages", [], limit=100).documents
        if "alias_of" in document.data
    ]


def test_a_channel_that_edits_nothing_says_so(manual_hub: ManualHub) -> None:
    manual_hub.provider.on("POST", r"/messages$", Reply(json={"messages": [{"id": "wamid.1"}]}))
    config = {"accessToken": "token", "phoneNumberId": "1", "provider": "cloud"}
    body = {"name": "cloud", "type": "WHATSAPP", "config": config}
    channel_id = manual_hub.post("/api/channels", body, 201)["id"]
    body = {"channelInstanceId": channel_id, "externalUserId": "4915112345678", "text": "hello"}
    sent_id = manual_hub.post("/api/messages/send", body, 202)["message"]["id"]
    manual_hub.work()
    assert "cannot be edited here" in str(_edit(manual_hub, sent_id, status=422))
    assert "cannot be deleted here" in str(_delete(manual_hub, sent_id, 422))


def test_the_providers_report_of_an_edit_that_was_made_here_changes_nothing(manual_hub: ManualHub) -> None:
    evolution_rules(manual_hub.provider)
    manual_hub.provider.on("POST", "/chat/updateMessage", Reply(json={"key": {"id": "x"}}))
    whatsapp = manual_hub.whatsapp()
    body = {"channelInstanceId": whatsapp, "externalUserId": MARIA, "text": "hello"}
    message_id = manual_hub.post("/api/messages/send", body, 202)["message"]["id"]
    manual_hub.work()
    _edit(manual_hub, message_id)
    manual_hub.wait(seconds=1)
    manual_hub.work()
    before = _message(manual_hub)
    assert before.text == "hallo"
    instance = instances.by_id(manual_hub.deps, manual_hub.tenant_id, whatsapp)
    edited_at = manual_hub.deps.now() + timedelta(seconds=5)
    report = MessageEdited(external_message_id=before.external_message_id or "", text="hallo", edited_at=edited_at)
    message_changes.apply_edit(manual_hub.deps, instance, report)
    assert _message(manual_hub) == before


def test_a_change_of_which_nobody_knows_what_became_is_made_again(manual_hub: ManualHub, message_id: str) -> None:
    manual_hub.provider.on("POST", EDIT, Reply(drop=True), times=1)
    _edit(manual_hub, message_id)
    manual_hub.work()
    assert (_message(manual_hub).text, _message(manual_hub).note) == ("hello", None)
    manual_hub.wait(minutes=1)
    manual_hub.work()
    assert (_message(manual_hub).text, len(_calls(manual_hub, EDIT))) == ("hallo", 2)
