"""A conversation that moves to another channel, with both providers and the customer taking part."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from shared.domain.messages import Author, Direction
from tests import refs
from tests.eventually import eventually
from tests.evolution import evolution_rules, upsert, written
from tests.pipeline.hub import Hub
from tests.stubs import Reply


def _whatsapp(hub: Hub) -> str:
    """A WhatsApp channel whose Evolution server takes everything; returns its id."""
    evolution_rules(hub.provider)
    return hub.whatsapp()


def _maria_writes(hub: Hub, channel_id: str, text: str) -> None:
    answer = hub.client.post(f"/webhook/whatsapp/{channel_id}", json=upsert(written(text)))
    assert answer.status_code == 200, answer.text


def _put(hub: Hub, path: str, body: Any) -> Any:
    answer = hub.client.put(path, json=body, headers=hub.headers)
    assert answer.status_code == 200, answer.text
    return answer.json


def _moved(hub: Hub) -> tuple[str, str, str]:
    """A conversation that began on Telegram and went on to WhatsApp; returns it and both channels."""
    telegram, whatsapp = hub.telegram(), _whatsapp(hub)
    hub.customer_writes(telegram, "by telegram")
    conversation = hub.conversation()
    _put(hub, f"/customers/{conversation.customer_id}/profile", {"phone": "+55 11 98888-7777"})
    body = {"from_channel": "telegram_bot", "to_channel": "whatsapp", "reason": "No notifications there"}
    moved = hub.post(f"/sessions/{conversation.id}/transfer", body)
    assert moved["channel_type"] == "whatsapp"
    return conversation.id, telegram, whatsapp


def test_what_is_written_on_the_new_channel_lands_in_the_conversation_and_answers_go_there(hub: Hub) -> None:
    session_id, _, whatsapp = _moved(hub)
    hub.post("/messages/send", {"session_id": session_id, "content": "Hello over there"}, 202)
    [sent] = hub.provider.wait_for("/message/sendText")
    assert (sent.json["number"], sent.json["text"]) == ("5511988887777", "Hello over there")
    _maria_writes(hub, whatsapp, "by whatsapp")
    eventually(lambda: len(hub.messages(Direction.INBOUND)) == 2)
    assert hub.conversation().id == session_id
    texts = [message["content"] for message in hub.get(f"/messages/{session_id}")["messages"]]
    assert texts == [
        "by telegram",
        "Transferred from telegram_bot to whatsapp: No notifications there",
        "Hello over there",
        "by whatsapp",
    ]
    assert hub.sent_texts() == []


def test_what_waits_for_the_old_channel_does_not_hold_up_the_new_one(hub: Hub) -> None:
    telegram, _ = hub.telegram(), _whatsapp(hub)
    hub.provider.on("POST", "/sendMessage", Reply(429, {"ok": False, "parameters": {"retry_after": 3600}}))
    hub.customer_writes(telegram, "by telegram")
    conversation = hub.conversation()
    _put(hub, f"/customers/{conversation.customer_id}/profile", {"phone": "+55 11 98888-7777"})
    for number in range(12):
        hub.post("/messages/send", {"session_id": conversation.id, "content": f"held back {number}"}, 202)
    hub.provider.wait_for("/sendMessage")
    hub.post(f"/sessions/{conversation.id}/transfer", {"from_channel": "telegram_bot", "to_channel": "whatsapp"})
    for text in ("first", "second"):
        hub.post("/messages/send", {"session_id": conversation.id, "content": text}, 202)
    sent = hub.provider.wait_for("/message/sendText", 2)
    assert [each.json["text"] for each in sent] == ["first", "second"]
    assert len(hub.provider.to("/sendMessage")) == 1
    eventually(lambda: len(hub.documents("outbox", open=True)) == 12)
    left = hub.documents("outbox", open=True)
    assert {each["instance_id"] for each in left} == {telegram}


def test_what_is_written_on_the_old_channel_begins_a_new_conversation_of_the_same_customer(hub: Hub) -> None:
    session_id, telegram, _ = _moved(hub)
    hub.customer_writes(telegram, "by telegram again")
    eventually(lambda: len(hub.conversations()) == 2)
    first, second = sorted(hub.conversations(), key=lambda each: each.created_at)
    assert (first.id, first.customer_id) == (session_id, second.customer_id)
    history = hub.get(f"/customers/{first.customer_id}/history")["interactions"]
    assert [(each["channel_type"], each["summary"]) for each in history] == [
        ("telegram_bot", "by telegram again"),
        ("whatsapp", "by telegram"),
    ]


def test_an_agent_answers_on_the_new_channel(hub: Hub) -> None:
    _, _, whatsapp = _moved(hub)
    hub.echo_agent()
    _maria_writes(hub, whatsapp, "anybody there?")
    [sent] = hub.provider.wait_for("/message/sendText")
    assert "anybody there?" in sent.json["text"]
    assert hub.sent_texts() == []


def test_messages_that_arrive_during_a_transfer_are_all_kept_and_nothing_is_lost(hub: Hub) -> None:
    telegram, _ = hub.telegram(), _whatsapp(hub)
    hub.customer_writes(telegram, "first")
    conversation = hub.conversation()
    _put(hub, f"/customers/{conversation.customer_id}/profile", {"phone": "+5511988887777"})

    def transfer() -> int:
        body = {"from_channel": "telegram_bot", "to_channel": "whatsapp"}
        path = f"/sessions/{conversation.id}/transfer"
        return hub.client.post(path, json=body, headers=hub.headers).status_code

    with ThreadPoolExecutor(8) as pool:
        moving = [pool.submit(transfer) for _ in range(3)]
        for n in range(10):
            hub.customer_writes(telegram, f"while moving {n}")
        statuses = sorted(each.result() for each in moving)
    assert statuses == [200, 409, 409]
    eventually(lambda: len(hub.messages(Direction.INBOUND)) == 11)
    ref = refs.identity(telegram, "5")
    pointed = hub.store.get([ref])[ref].data["conversation_id"]
    assert pointed != conversation.id
    here = [each for each in hub.conversations() if each.instance_id == telegram]
    assert [each.id for each in here] == ([pointed] if pointed else [])
    notes = [message for message in hub.messages(Direction.SYSTEM) if message.author is Author.SYSTEM]
    assert len(notes) == 1


def test_merging_customers_while_they_write_leaves_nothing_behind(hub: Hub) -> None:
    telegram = hub.telegram()
    hub.customer_writes(telegram, "I am five", chat=5)
    hub.customer_writes(telegram, "I am six", chat=6)
    eventually(lambda: len(hub.conversations()) == 2)
    five, six = (each.customer_id for each in sorted(hub.conversations(), key=lambda each: each.external_user_id))
    session = next(each.id for each in hub.conversations() if each.customer_id == six)
    with ThreadPoolExecutor(4) as pool:
        merging = pool.submit(hub.post, f"/customers/{five}/merge", {"source_id": six})
        for n in range(5):
            hub.customer_writes(telegram, f"six again {n}", chat=6)
        _put(hub, f"/sessions/{session}", {"status": "resolved"})
        hub.customer_writes(telegram, "and once more", chat=6)
        merge_id = merging.result()["merge_id"]
    eventually(lambda: len(hub.messages(Direction.INBOUND)) == 8)
    assert {each.customer_id for each in hub.conversations()} == {five}
    hub.post(f"/customers/{five}/unmerge", {"merge_id": merge_id})
    owners = {each.external_user_id: each.customer_id for each in hub.conversations()}
    assert owners == {"5": five, "6": six}
