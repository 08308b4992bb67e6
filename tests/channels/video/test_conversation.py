"""A session by video: the link, who is let in, what happened in the room, and what is counted."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import jwt

from shared.domain.messages import Direction
from shared.security.tokens import GuestClaims, sign, span
from tests.eventually import eventually
from tests.functions.keys import key_for
from tests.pipeline.hub import Hub, telegram_rules
from tests.twilio import ACCOUNT, PUBLIC, TOKEN, field, posts

KEY, SECRET = "SK00000000000000000000000000000001", "the-secret-of-the-api-key-1234567"
ROOM = "RM00000000000000000000000000000777"


def connected(hub: Hub) -> None:
    body = {
        "twilio_account_sid": ACCOUNT,
        "auth_token": TOKEN,
        "api_key_sid": KEY,
        "api_key_secret": SECRET,
        "join_url": "https://shop.example/call?t={token}",
    }
    hub.post("/channels/video/configure", body)


def known_customer(hub: Hub) -> str:
    telegram_rules(hub.provider)
    chat = hub.telegram()
    secret = hub.provider.to("/setWebhook")[-1].json["secret_token"]
    headers = {"X-Telegram-Bot-Api-Secret-Token": secret}
    hub.client.post(f"/api/telegram/bot/webhook/{chat}", json=hub.update(5, "Can we meet?"), headers=headers)
    return hub.conversation().customer_id


def session_of(hub: Hub) -> str:
    customer_id = known_customer(hub)
    connected(hub)
    return str(hub.post("/sessions/create", {"customer_id": customer_id, "channel_type": "video"})["session_id"])


def ticket_in(text: str | None) -> str:
    return (text or "").partition("https://shop.example/call?t=")[2]


def happens(hub: Hub, event: str, **more: str) -> None:
    """Twilio posts an event of the room to the callback address of the room."""
    address = field(hub.provider.wait_for(r"/v1/Rooms$")[-1], "StatusCallback")
    assert address.startswith(PUBLIC)
    fields = {"RoomSid": ROOM, "RoomName": "hub", "StatusCallbackEvent": event, "AccountSid": ACCOUNT}
    assert posts(hub.client, address, fields | more).status_code == 200


def test_a_session_has_a_link_a_room_and_a_history(hub: Hub) -> None:
    session = session_of(hub)
    messages = hub.get(f"/messages/{session}")["messages"]
    assert messages[0]["sender"] == "system"
    ticket = ticket_in(messages[0]["content"])
    joined: Any = hub.client.post("/sessions/join", json={"token": ticket}).json
    claims = jwt.decode(joined["token"], SECRET, algorithms=["HS256"])
    assert claims["grants"]["video"] == {"room": f"hub-{session}"}
    assert joined["identity"].startswith("customer-")
    agent = hub.post(f"/sessions/{session}/video-token", {})
    page = {"session_id": session, "room_id": "r", "channel": "video", "participant_id": "p"}
    assert hub.post("/video/webrtc-session-start", page)["room"] == agent["room"]
    assert (agent["room"], agent["identity"].startswith("agent-")) == (f"hub-{session}", True)
    customer = {"ParticipantSid": "PA1", "ParticipantIdentity": joined["identity"]}
    happens(hub, "room-created")
    happens(hub, "participant-connected", **customer)
    eventually(lambda: len(hub.get(f"/messages/{session}")["messages"]) == 2)
    video = hub.get("/channels/integrations")["channels"][-1]
    assert (video["type"], video["metrics"]["active_calls"]) == ("video", 1)
    happens(hub, "participant-connected", **customer)
    happens(hub, "participant-disconnected", ParticipantDuration="118", **customer)
    happens(hub, "recording-completed", RecordingSid="RT1")
    happens(hub, "room-ended", RoomDuration="120")
    happens(hub, "room-ended", RoomDuration="120")
    eventually(lambda: len(hub.get(f"/messages/{session}")["messages"]) == 5)
    texts = [m["content"] for m in hub.get(f"/messages/{session}")["messages"][1:]]
    assert texts == [
        "The customer joined",
        "The customer left after 1:58",
        "A recording is ready: RT1",
        "The video call ended after 2:00",
    ]
    assert {m.direction for m in hub.messages() if m.text in texts} == {Direction.SYSTEM}
    metrics = hub.get("/analytics/dashboard")["channelMetrics"]["video"]
    assert metrics == {"calls": 1, "minutes": 2.0, "quality_score": 0.0}
    assert hub.get("/channels/integrations")["channels"][-1]["metrics"]["active_calls"] == 0


def test_a_room_that_nobody_came_to_is_no_call(hub: Hub) -> None:
    session = session_of(hub)
    hub.post(f"/sessions/{session}/video-token", {})
    happens(hub, "room-created")
    happens(hub, "room-ended", RoomDuration="300")
    happens(hub, "participant-connected", ParticipantSid="PA1", RoomSid="RM2")
    eventually(lambda: hub.documents("calls"))
    assert [call["external_call_id"] for call in hub.documents("calls")] == ["RM2"]


def test_a_chat_that_moves_to_video_is_sent_the_link_where_the_customer_reads_it(hub: Hub) -> None:
    known_customer(hub)
    connected(hub)
    session = hub.conversation().id
    moving = {"from_channel": "telegram_bot", "to_channel": "video", "reason": "Show it"}
    hub.post(f"/sessions/{session}/transfer", moving)
    [sent] = hub.provider.wait_for("/sendMessage")
    ticket = ticket_in(sent.json["text"])
    joined: Any = hub.client.post("/sessions/join", json={"token": ticket})
    assert (joined.status_code, joined.json["room"]) == (200, f"hub-{session}")
    assert hub.get("/analytics/dashboard")["channelMetrics"]["telegram_bot"]["messages"] == 2


def test_a_message_on_a_video_session_opens_the_room(hub: Hub) -> None:
    session = session_of(hub)
    before = len(hub.provider.wait_for(r"/v1/Rooms$"))
    hub.post("/messages/send", {"session_id": session, "content": "I am there", "type": "text"}, 202)
    opened = hub.provider.wait_for(r"/v1/Rooms$", before + 1)[-1]
    assert field(opened, "UniqueName") == f"hub-{session}"


def test_who_may_not_come_in_is_told_so(hub: Hub) -> None:
    session = session_of(hub)
    stranger = key_for(hub.deps, "foreign")
    assert hub.client.post(f"/sessions/{session}/video-token", headers=stranger).status_code == 404
    hub.post("/sessions/nothing/video-token", {}, 404)
    chat = next(each.id for each in hub.conversations() if each.id != session)
    hub.post(f"/sessions/{chat}/video-token", {}, 422)
    hub.client.put(f"/sessions/{session}", json={"status": "resolved"}, headers=hub.headers)
    hub.post(f"/sessions/{session}/video-token", {}, 409)


def test_a_ticket_that_is_not_ours_or_over_admits_nobody(hub: Hub) -> None:
    session = session_of(hub)
    conversation = next(each for each in hub.conversations() if each.id == session)
    issued, expires = span(hub.deps.now() - timedelta(days=2), 86_400)
    claims = GuestClaims(
        type="guest",
        user_id=conversation.customer_id,
        tenant_id=hub.tenant_id,
        instance_id=conversation.instance_id,
        conversation_id=session,
        iat=issued,
        exp=expires,
    )
    unknown = claims.model_copy(update={"instance_id": "another"})
    for ticket in ("x", sign(claims, "x" * 32), sign(unknown, "x" * 32), hub.headers["Authorization"][7:]):
        assert hub.client.post("/sessions/join", json={"token": ticket}).status_code == 401
    assert hub.client.post("/sessions/join", json={}).status_code == 400


def test_the_channel_can_be_tried(hub: Hub) -> None:
    connected(hub)
    assert hub.post("/integrations/video/test", {})["success"] is True
    assert hub.get("/channels/video/status")["status"] == "connected"
    assert SECRET not in hub.client.get("/channels/integrations", headers=hub.headers).text
