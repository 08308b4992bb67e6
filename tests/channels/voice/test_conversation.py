"""A caller speaks with the agent; the hub calls a customer; calls are counted."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree as ET

from shared.domain.events import Topic
from shared.domain.messages import Direction, MessageStatus
from tests.channels.voice.judge import judged, one, verbs
from tests.eventually import eventually
from tests.overlaps import overlaps
from tests.pipeline.hub import Hub, telegram_rules
from tests.stubs import Reply
from tests.twilio import ACCOUNT, BUSINESS_NUMBER, CUSTOMER, PUBLIC, TOKEN, field, form, posts

CALL = "CA00000000000000000000000000000777"
ON_CALL = {"CallSid": CALL, "AccountSid": ACCOUNT, "From": CUSTOMER, "To": BUSINESS_NUMBER, "Direction": "inbound"}


def connected(hub: Hub, **more: Any) -> str:
    body = {"twilio_account_sid": ACCOUNT, "phone_number": BUSINESS_NUMBER, "api_key": TOKEN, **more}
    assert hub.post("/channels/voice/configure", body)["channel_id"] == "voice-1"
    entered = form(hub.provider.to(r"IncomingPhoneNumbers/PN")[-1])
    [path] = entered["VoiceUrl"]
    assert entered["StatusCallback"] == [f"{path}/status"]
    return path.removeprefix(PUBLIC)


def hears(hub: Hub, address: str, **fields: str) -> ET.Element:
    answer = posts(hub.client, address, ON_CALL | {"CallStatus": "in-progress"} | fields)
    assert (answer.status_code, answer.mimetype) == (200, "text/xml")
    return judged(answer.text)


def updated_twiml(hub: Hub, count: int) -> ET.Element:
    """Wait for `count` updates of the call and return the TwiML of the last one."""
    return judged(field(hub.provider.wait_for(rf"/Calls/{CALL}\.json$", count)[-1], "Twiml"))


def test_a_caller_is_answered_on_the_call_turn_by_turn(hub: Hub) -> None:
    path = connected(hub)
    hub.echo_agent()
    greeting = hears(hub, path, CallStatus="ringing", CallerName="ANN LEE")
    assert verbs(greeting) == ["Say", "Gather", "Say", "Record"]
    hold = hears(hub, one(greeting, "Gather").attrib["action"], SpeechResult="Where is my order?", Confidence="0.9")
    assert verbs(hold) == ["Say", "Pause", "Redirect"]
    assert verbs(hears(hub, one(hold, "Redirect").text or "")) == ["Pause", "Redirect"]
    first = updated_twiml(hub, 1)
    assert first[0].text == "Echo: Where is my order?"
    hears(hub, one(first, "Gather").attrib["action"], SpeechResult="Thank you")
    assert updated_twiml(hub, 2)[0].text == "Echo: Thank you"
    [channel] = hub.get("/channels/integrations")["channels"]
    assert channel["metrics"] == {"active_calls": 1, "total_minutes": 0.0, "call_quality": 0.0}
    assert channel["config"]["phone_number"] == BUSINESS_NUMBER
    assert channel["config"]["twilio_account_sid"] == ACCOUNT
    for _ in range(2):
        posts(hub.client, f"{path}/status", ON_CALL | {"CallStatus": "completed", "CallDuration": "90"})
    eventually(lambda: hub.get("/analytics/dashboard")["channelMetrics"]["voice"]["minutes"])
    assert hub.get("/analytics/dashboard")["channelMetrics"] == {
        "voice": {"calls": 1, "minutes": 1.5, "quality_score": 0.0}
    }
    [channel] = hub.get("/channels/integrations")["channels"]
    assert channel["metrics"] == {"active_calls": 0, "total_minutes": 1.5, "call_quality": 0.0}
    history = [(message.direction, message.text) for message in hub.messages()]
    assert history == [
        (Direction.SYSTEM, "The customer calls"),
        (Direction.INBOUND, "Where is my order?"),
        (Direction.OUTBOUND, "Echo: Where is my order?"),
        (Direction.INBOUND, "Thank you"),
        (Direction.OUTBOUND, "Echo: Thank you"),
        (Direction.SYSTEM, "The call ended after 1:30"),
    ]
    assert hub.conversation().customer_name == "ANN LEE"


def test_a_caller_who_repeats_themselves_is_answered_each_time(hub: Hub) -> None:
    path = connected(hub)
    hub.echo_agent()
    twiml = hears(hub, path, CallStatus="ringing")
    for number in range(1, 6):
        hears(hub, one(twiml, "Gather").attrib["action"], SpeechResult="I want to talk to a person")
        twiml = updated_twiml(hub, number)
    assert len(hub.messages(Direction.OUTBOUND)) == 5


def test_another_call_leaves_who_waits_for_an_answer(hub: Hub) -> None:
    path = connected(hub)
    greeting = hears(hub, path, CallStatus="ringing")
    hears(hub, one(greeting, "Gather").attrib["action"], SpeechResult="Where is my order?")
    [question] = eventually(lambda: hub.messages(Direction.INBOUND))
    waiting_since = hub.conversation().needs_reply_since
    hears(hub, path, CallStatus="ringing", CallSid=CALL.replace("777", "888"))
    eventually(lambda: len(hub.messages(Direction.SYSTEM)) == 2)
    assert hub.conversation().last_inbound_message_id == question.id
    assert hub.conversation().needs_reply_since == waiting_since is not None


def test_what_twilio_repeats_is_stored_once(hub: Hub) -> None:
    path = connected(hub)
    greeting = hears(hub, path, CallStatus="ringing")
    action = one(greeting, "Gather").attrib["action"]
    for _ in range(2):
        hears(hub, action, SpeechResult="Hello?")
    eventually(lambda: hub.messages(Direction.INBOUND))
    again = one(hears(hub, path, CallStatus="ringing"), "Gather").attrib["action"]
    hears(hub, again, SpeechResult="Hello?")
    eventually(lambda: len(hub.messages(Direction.INBOUND)) == 2)


def test_a_choice_by_key_is_noted_and_nobody_answers_it(hub: Hub) -> None:
    steps = [
        {"do": "gather", "text": "Press 0 for a person", "keys": 1, "choices": {"0": 2}},
        {"do": "agent"},
        {"do": "dial", "number": "+14155550199"},
        {"do": "voicemail"},
    ]
    path = connected(hub, actions=steps)
    hub.echo_agent()
    gather = one(hears(hub, path, CallStatus="ringing"), "Gather").attrib["action"]
    dialled = hears(hub, gather, Digits="0")
    assert one(dialled, "Number").text == "+14155550199"
    mailbox = hears(hub, one(dialled, "Dial").attrib["action"], DialCallStatus="no-answer")
    assert verbs(mailbox) == ["Say", "Record"]
    eventually(lambda: len(hub.messages()) == 3)
    assert [message.text for message in hub.messages()] == [
        "The customer calls",
        "Pressed 0",
        "Nobody could be put through (no-answer)",
    ]
    assert (hub.conversation().needs_reply_since, hub.conversation().last_inbound_message_id) == (None, None)
    assert hub.provider.to(rf"/Calls/{CALL}") == []


def test_a_voicemail_is_kept_with_its_words_and_waits_for_a_person(hub: Hub) -> None:
    path = connected(hub, actions=[{"do": "voicemail"}])
    hub.echo_agent()
    record = one(hears(hub, path, CallStatus="ringing"), "Record").attrib
    recording = {"CallSid": CALL, "AccountSid": ACCOUNT, "RecordingSid": "RE1", "RecordingDuration": "7"}
    transcription = {"TranscriptionStatus": "completed", "TranscriptionText": "Please call me back."}
    posts(hub.client, record["transcribeCallback"], ON_CALL | recording | transcription)
    posts(hub.client, record["recordingStatusCallback"], recording | {"RecordingStatus": "completed"})
    [message] = eventually(lambda: [m for m in hub.messages(Direction.INBOUND) if m.text])
    assert message.text == "Please call me back."
    assert eventually(lambda: hub.conversation().needs_reply_since)
    voicemail = hub.get(f"/messages/{message.conversation_id}")["messages"][-1]
    hub.provider.on("GET", r"/Recordings/RE1\.mp3$", Reply(content=b"ID3", headers={"content-type": "audio/mpeg"}))
    media = hub.client.get(f"/media/{voicemail['attachments'][0]['media_id']}", headers=hub.headers)
    assert (media.status_code, media.data) == (200, b"ID3")
    assert hub.provider.to(r"/Calls") == []
    assert Topic.REPLIES not in {each.topic for each in overlaps(hub.deps).bus.published}


def test_a_message_on_a_voice_session_calls_the_customer_and_tells_what_became_of_it(hub: Hub) -> None:
    path = connected(hub)
    hears(hub, path, CallStatus="ringing")
    posts(hub.client, f"{path}/status", ON_CALL | {"CallStatus": "completed", "CallDuration": "5"})
    eventually(lambda: hub.documents("calls", open=False))
    hub.provider.on("POST", rf"/Calls/{CALL}\.json$", Reply(400, {"code": 21220, "message": "not in-progress"}))
    session = hub.conversation().id
    hub.post("/messages/send", {"session_id": session, "content": "Your order is here", "type": "text"}, 202)
    [called] = hub.provider.wait_for(r"/Calls\.json$", 1)
    sid = f"CA{1:032}"
    outgoing = {
        "CallSid": sid,
        "Direction": "outbound-api",
        "From": BUSINESS_NUMBER,
        "To": CUSTOMER,
        "AccountSid": ACCOUNT,
    }
    posts(hub.client, field(called, "StatusCallback"), outgoing | {"CallStatus": "ringing"})
    posts(hub.client, field(called, "StatusCallback"), outgoing | {"CallStatus": "no-answer", "CallDuration": "0"})
    [message] = eventually(lambda: [m for m in hub.messages() if m.status is MessageStatus.DEAD])
    assert (message.text, message.error) == ("Your order is here", "no-answer")
    eventually(lambda: hub.messages()[-1].text == "Nobody answered the call")
    eventually(lambda: hub.get("/analytics/dashboard")["channelMetrics"]["voice"]["calls"] == 2)


def test_moving_a_chat_to_voice_calls_the_customer(hub: Hub) -> None:
    connected(hub, callback_text="Hello, this is the shop.")
    telegram_rules(hub.provider)
    chat = hub.telegram()
    secret = hub.provider.to("/setWebhook")[-1].json["secret_token"]
    headers = {"X-Telegram-Bot-Api-Secret-Token": secret}
    hub.client.post(f"/api/telegram/bot/webhook/{chat}", json=hub.update(5, "Please call me"), headers=headers)
    conversation = hub.conversation()
    hub.client.put(f"/customers/{conversation.customer_id}/profile", json={"phone": CUSTOMER}, headers=hub.headers)
    moving = {"from_channel": "telegram_bot", "to_channel": "voice", "reason": "Customer requested voice call"}
    hub.post(f"/sessions/{conversation.id}/transfer", moving)
    [called] = hub.provider.wait_for(r"/Calls\.json$")
    root = judged(field(called, "Twiml"))
    assert (field(called, "To"), root[0].text) == (CUSTOMER, "Hello, this is the shop.")
    gather = urlsplit(one(root, "Gather").attrib["action"])
    assert parse_qs(gather.query)["chat"] == [CUSTOMER]
    hub.echo_agent()
    answered = {"CallSid": f"CA{1:032}", "Direction": "outbound-api", "From": BUSINESS_NUMBER, "To": CUSTOMER}
    posts(hub.client, f"{gather.path}?{gather.query}", answered | {"SpeechResult": "Yes, hello"})
    [update] = hub.provider.wait_for(rf"/Calls/CA{1:032}\.json$")
    assert (judged(field(update, "Twiml"))[0].text or "").endswith("Yes, hello")
    assert hub.conversation().id == conversation.id


def test_a_caller_with_a_hidden_number_is_answered_on_the_same_call(hub: Hub) -> None:
    path = connected(hub)
    hub.echo_agent()
    greeting = hears(hub, path, CallStatus="ringing", From="+266696687")
    hears(hub, one(greeting, "Gather").attrib["action"], SpeechResult="Guess who", From="+266696687")
    assert updated_twiml(hub, 1)[0].text == "Echo: Guess who"
    assert hub.conversation().customer_phone is None


def test_an_unsigned_call_is_refused_and_told_nothing(hub: Hub) -> None:
    path = connected(hub)
    answer = hub.client.post(path, data=ON_CALL | {"CallStatus": "ringing"})
    assert answer.status_code == 401
    assert "<Response>" not in answer.text
    assert hub.documents("calls") == []


def test_the_provider_is_tried_with_the_stored_credential(hub: Hub) -> None:
    connected(hub)
    assert hub.post("/integrations/twilio/test", {})["test_result"] == "Connection successful"
    hub.provider.on("GET", "IncomingPhoneNumbers", Reply(401, {"code": 20003, "message": "Authenticate"}))
    tried = hub.post("/integrations/voice/test", {"api_key": "wrong"})
    assert (tried["success"], "check auth_token" in tried["test_result"]) == (False, True)
    assert hub.get("/channels/voice/status")["status"] == "connected"
