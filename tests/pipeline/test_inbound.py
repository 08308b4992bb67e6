"""What customers write is stored once, under one person, in one conversation."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from shared.domain.messages import Direction, MessageStatus
from tests.eventually import eventually
from tests.evolution import MARIA, evolution_rules, upsert, written
from tests.google.deployment import EVERYWHERE
from tests.pipeline.hub import Hub
from tests.stubs import Reply


def _whatsapp(hub: Hub) -> None:
    evolution_rules(hub.provider)
    hub.whatsapp()


def _upsert(message_id: str, text: str, **key: Any) -> dict[str, Any]:
    return upsert(written(text, id=message_id, **key))


def _evolution(hub: Hub, body: dict[str, Any], status: int = 200) -> None:
    [channel] = hub.documents("instances", tenant_id=hub.tenant_id)
    answer = hub.client.post(f"/webhook/whatsapp/{channel['id']}", json=body)
    assert answer.status_code == status, answer.text


def _settled(hub: Hub, marker: str = "the end") -> None:
    """One more message of the same chat comes last, so when it is there everything before it has been dealt with."""
    eventually(lambda: [message for message in hub.messages() if message.text == marker])


@EVERYWHERE
def test_the_same_webhook_fifty_times_in_parallel_gives_one_message_and_one_reply(hub: Hub) -> None:
    channel_id = hub.telegram()
    hub.echo_agent()
    update = hub.update(5, "hello")
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda _: hub.deliver_update(channel_id, update), range(50)))
    hub.provider.wait_for("/sendMessage")
    hub.customer_writes(channel_id, "the end")
    _settled(hub)
    assert [message.text for message in hub.messages(Direction.INBOUND)] == ["hello", "the end"]
    assert hub.sent_texts() == ["Echo: hello"]


def test_one_person_under_two_addresses_stays_one(hub: Hub) -> None:
    _whatsapp(hub)
    hidden = "99887766554433@lid"
    _evolution(hub, _upsert("A1", "by phone"))
    eventually(lambda: len(hub.messages()) == 1)
    _evolution(hub, _upsert("A2", "both known", remoteJidAlt=hidden))
    eventually(lambda: len(hub.messages()) == 2)
    _evolution(hub, _upsert("A3", "hidden only", remoteJid=hidden))
    eventually(lambda: len(hub.messages()) == 3)
    assert len(hub.conversations()) == 1
    assert len(hub.documents("customers", tenant_id=hub.tenant_id)) == 1


@EVERYWHERE
def test_two_addresses_met_apart_are_joined_when_they_turn_out_to_be_one_person(hub: Hub) -> None:
    _whatsapp(hub)
    hidden = "99887766554433@lid"
    _evolution(hub, _upsert("B1", "hidden first", remoteJid=hidden))
    _evolution(hub, _upsert("B2", "then by phone"))
    eventually(lambda: len(hub.messages()) == 2)
    assert len(hub.conversations()) == 2
    _evolution(hub, _upsert("B3", "both", remoteJidAlt=hidden))
    _evolution(hub, _upsert("B4", "hidden again", remoteJid=hidden))
    eventually(lambda: len(hub.messages()) == 4)
    assert len([one for one in hub.conversations() if one.status == "open"]) == 1
    assert len({one.customer_id for one in hub.conversations()}) == 1


def test_the_business_writing_from_its_own_phone_is_stored_and_not_answered(hub: Hub) -> None:
    _whatsapp(hub)
    hub.echo_agent()
    _evolution(hub, _upsert("C1", "from our phone", fromMe=True))
    message = eventually(lambda: hub.messages())[0]
    assert (message.direction, message.author, message.status) == ("outbound", "other", "sent")
    assert hub.conversation().needs_reply_since is None
    assert hub.provider.to("/message/sendText") == []


def test_an_echo_of_what_the_hub_sent_is_the_same_message(hub: Hub) -> None:
    _whatsapp(hub)
    key = {"remoteJid": MARIA, "fromMe": True, "id": "SENT1"}
    hub.provider.on("POST", "/message/sendText", Reply(201, {"key": key, "status": "PENDING"}))
    _evolution(hub, _upsert("D1", "hi"))
    conversation = hub.conversation()
    hub.post("/api/messages/send", {"conversationId": conversation.id, "text": "hello"}, 202)
    eventually(lambda: [m for m in hub.messages(Direction.OUTBOUND) if m.status == MessageStatus.SENT])
    _evolution(hub, _upsert("SENT1", "hello", fromMe=True) | {"event": "send.message"})
    _evolution(hub, {"event": "messages.update", "instance": "shop", "data": {**_ack("READ")}})
    eventually(lambda: [m for m in hub.messages(Direction.OUTBOUND) if m.status == MessageStatus.READ])
    _evolution(hub, {"event": "messages.update", "instance": "shop", "data": {**_ack("DELIVERY_ACK")}})
    _evolution(hub, _upsert("D2", "the end"))
    _settled(hub)
    sent = hub.messages(Direction.OUTBOUND)
    assert [(m.text, m.status) for m in sent] == [("hello", MessageStatus.READ)]


def _ack(status: str, message_id: str = "SENT1") -> dict[str, Any]:
    return {"keyId": message_id, "remoteJid": MARIA, "fromMe": True, "status": status}


@EVERYWHERE
def test_an_echo_and_a_receipt_that_overtake_the_answer_to_our_send_are_merged(hub: Hub) -> None:
    _whatsapp(hub)
    key = {"remoteJid": MARIA, "fromMe": True, "id": "FAST1"}
    hub.provider.on("POST", "/message/sendText", Reply(201, {"key": key, "status": "PENDING"}, delay=0.6))
    _evolution(hub, _upsert("E1", "hi"))
    hub.post("/api/messages/send", {"conversationId": hub.conversation().id, "text": "hello"}, 202)
    hub.provider.wait_for("/message/sendText")
    _evolution(hub, _upsert("FAST1", "hello", fromMe=True) | {"event": "send.message"})
    _evolution(hub, {"event": "messages.update", "instance": "shop", "data": _ack("DELIVERY_ACK", "FAST1")})
    eventually(hub.idle)
    sent = eventually(lambda: [m for m in hub.messages(Direction.OUTBOUND) if m.status == MessageStatus.DELIVERED])
    assert len(hub.messages(Direction.OUTBOUND)) == len(sent) == 1
    assert sent[0].author == "human"


@EVERYWHERE
def test_an_edit_and_a_deletion_that_come_before_their_message_are_not_lost(hub: Hub) -> None:
    _whatsapp(hub)
    edited = {
        "key": {"remoteJid": MARIA, "fromMe": False, "id": "F1"},
        "type": "MESSAGE_EDIT",
        "editedMessage": {"conversation": "mended"},
        "timestampMs": "1795216311783",
    }
    _evolution(hub, {"event": "messages.edited", "instance": "shop", "data": edited})
    eventually(lambda: hub.documents("messages"))
    _evolution(hub, _upsert("F1", "brokne"))
    eventually(lambda: hub.messages(Direction.INBOUND))
    [message] = hub.messages(Direction.INBOUND)
    assert message.text == "mended"
    assert message.edited_at is not None
    assert hub.conversation().last_inbound_message_id == message.id


def test_reactions_and_deletions_change_the_message(hub: Hub) -> None:
    _whatsapp(hub)
    _evolution(hub, _upsert("G1", "hello"))
    eventually(lambda: hub.messages())
    target = {"remoteJid": MARIA, "fromMe": False, "id": "G1"}
    reaction = _upsert("G2", "")
    reaction["data"] |= {
        "messageType": "reactionMessage",
        "message": {"reactionMessage": {"key": target, "text": "👍"}},
    }
    _evolution(hub, reaction)
    eventually(lambda: hub.messages()[0].reactions)
    assert list(hub.messages()[0].reactions.values()) == ["👍"]
    _evolution(hub, {"event": "messages.delete", "instance": "shop", "data": target})
    eventually(lambda: hub.messages()[0].deleted_at)


def test_connection_and_qr_events_reach_the_room(hub: Hub) -> None:
    _whatsapp(hub)
    qr = {"qrcode": {"instance": "shop", "code": "2@abc", "base64": "data:image/png;base64,iVBORw0KGgo="}}
    _evolution(hub, {"event": "qrcode.updated", "instance": "shop", "data": qr})
    eventually(lambda: [event for event in hub.realtime if event.name == "whatsapp-qr"])
    _evolution(hub, {"event": "connection.update", "instance": "shop", "data": {"state": "open", "statusReason": 200}})
    eventually(lambda: [event for event in hub.realtime if event.name == "whatsapp-connected"])
    names = [event.name for event in hub.realtime]
    assert {"whatsapp-qr", "whatsapp-connected", "channel-status"} <= set(names)


def test_a_webhook_for_an_unknown_channel_is_404_and_a_broken_one_400(hub: Hub) -> None:
    channel_id = hub.telegram()
    assert "detail" in hub.deliver_update("nobody", hub.update(5, "x"), 404).get_json()
    answer = hub.client.post(
        f"/api/telegram/bot/webhook/{channel_id}", data=b"{nonsense", content_type="application/json"
    )
    assert answer.status_code == 400
    assert answer.get_json()["code"] == "payload_invalid"


def test_odd_text_is_kept(hub: Hub) -> None:
    channel_id = hub.telegram()
    odd = ["emoji 👩‍👩‍👧‍👦 and ünïcödé", "@t:2026-01-01", "x" * 60_000, "null\x00byte"]
    for text in odd:
        hub.customer_writes(channel_id, text)
    eventually(lambda: len(hub.messages()) == len(odd))
    assert [m.text for m in hub.messages()][:3] == odd[:3]


def test_half_a_surrogate_pair_does_not_break_the_chain(hub: Hub) -> None:
    channel_id = hub.telegram()
    update = hub.update(5, "SURROGATE")
    body = json.dumps(update).replace("SURROGATE", r"half \ud83d")
    answer = hub.client.post(
        f"/api/telegram/bot/webhook/{channel_id}", data=body.encode(), content_type="application/json"
    )
    assert answer.status_code == 200, answer.text
    eventually(lambda: hub.messages())


def test_counters_are_raised_with_the_messages(hub: Hub) -> None:
    channel_id = hub.telegram()
    hub.echo_agent()
    for n in range(5):
        hub.customer_writes(channel_id, f"message {n}", chat=100 + n)
    hub.provider.wait_for("/sendMessage", 5)
    eventually(hub.idle)
    counted = hub.documents("stats", tenant_id=hub.tenant_id)
    totals = {name: sum(row.get(name, 0) for row in counted) for name in ("inbound", "outbound", "sessions", "replies")}
    assert totals == {"inbound": 5, "outbound": 5, "sessions": 5, "replies": 5}
