"""What is left for people when all work is done, and what a call begins with that the business makes anew."""

from __future__ import annotations

from typing import Any

import pytest

from shared.domain.events import Topic
from shared.domain.messages import Direction
from tests.channels.voice.judge import judged, one
from tests.channels.voice.test_conversation import CALL, ON_CALL, connected, hears
from tests.pipeline.manual_hub import ManualHub
from tests.stubs import Received
from tests.twilio import ACCOUNT, BUSINESS_NUMBER, CUSTOMER, field, posts, refusal

RECORDING = {"CallSid": CALL, "AccountSid": ACCOUNT, "RecordingSid": "RE1", "RecordingDuration": "7"}
TRANSCRIPTION = {"TranscriptionStatus": "completed", "TranscriptionText": "Please call me back."}
GREETING = "Hello, this is the shop."


@pytest.mark.parametrize("transcription_first", [True, False])
def test_a_voicemail_still_waits_for_a_person_when_all_work_is_done(
    manual_hub: ManualHub, *, transcription_first: bool
) -> None:
    path = connected(manual_hub, actions=[{"do": "voicemail"}])
    manual_hub.echo_agent()
    record = one(hears(manual_hub, path, CallStatus="ringing"), "Record").attrib
    callbacks: list[tuple[str, dict[str, str]]] = [
        (record["transcribeCallback"], ON_CALL | RECORDING | TRANSCRIPTION),
        (record["recordingStatusCallback"], RECORDING | {"RecordingStatus": "completed"}),
    ]
    for address, fields in callbacks if transcription_first else callbacks[::-1]:
        posts(manual_hub.client, address, fields)
        manual_hub.work()
    manual_hub.tick()
    [voicemail] = manual_hub.messages(Direction.INBOUND)
    assert voicemail.text == "Please call me back."
    assert manual_hub.conversation().needs_reply_since == voicemail.created_at
    assert manual_hub.messages(Direction.OUTBOUND) == []
    assert manual_hub.provider.to("/Calls") == []


def test_a_call_that_only_rang_leaves_nobody_waiting(manual_hub: ManualHub) -> None:
    path = connected(manual_hub)
    manual_hub.echo_agent()
    hears(manual_hub, path, CallStatus="ringing")
    posts(manual_hub.client, f"{path}/status", ON_CALL | {"CallStatus": "completed", "CallDuration": "0"})
    manual_hub.work()
    assert manual_hub.conversation().needs_reply_since is None
    assert manual_hub.messages(Direction.OUTBOUND) == []


@pytest.fixture
def chat(manual_hub: ManualHub) -> str:
    """The id of a Telegram conversation with a customer who has a telephone number."""
    connected(manual_hub, callback_text=GREETING)
    channel_id = manual_hub.telegram()
    secret = manual_hub.provider.to("/setWebhook")[-1].json["secret_token"]
    headers = {"X-Telegram-Bot-Api-Secret-Token": secret}
    update = manual_hub.update(5, "Please call me")
    manual_hub.client.post(f"/api/telegram/bot/webhook/{channel_id}", json=update, headers=headers)
    manual_hub.work()
    conversation = manual_hub.conversation()
    manual_hub.put(f"/customers/{conversation.customer_id}/profile", {"phone": CUSTOMER})
    return conversation.id


def _calls(hub: ManualHub) -> list[Received]:
    """The calls that the business has made."""
    return [request for request in hub.provider.to(r"/Calls\.json$") if request.method == "POST"]


def _moves_to_voice(hub: ManualHub, session: str) -> Any:
    hub.move(session, to_channel="voice")
    hub.work()
    return judged(field(_calls(hub)[-1], "Twiml"))


def _answers(hub: ManualHub, script: Any, sid: str, text: str) -> None:
    call = {"CallSid": sid, "AccountSid": ACCOUNT, "From": BUSINESS_NUMBER, "To": CUSTOMER, "Direction": "outbound-api"}
    fields = call | {"CallStatus": "in-progress", "SpeechResult": text}
    posts(hub.client, one(script, "Gather").attrib["action"], fields)
    hub.work()


def test_a_session_that_comes_back_to_voice_begins_with_a_call_of_its_own(manual_hub: ManualHub, chat: str) -> None:
    first = _moves_to_voice(manual_hub, chat)
    _answers(manual_hub, first, f"CA{1:032}", "Yes, hello")
    manual_hub.move(chat, from_channel="voice", to_channel="telegram_bot")
    again = _moves_to_voice(manual_hub, chat)
    assert again[0].text == GREETING
    assert len(_calls(manual_hub)) == 2
    assert manual_hub.provider.to(r"/Calls/CA\w+\.json$") == []


def test_what_is_said_after_the_opening_is_said_on_the_call_that_goes_on(manual_hub: ManualHub, chat: str) -> None:
    _answers(manual_hub, _moves_to_voice(manual_hub, chat), f"CA{1:032}", "Yes, hello")
    manual_hub.say(chat, "How are you?")
    manual_hub.work()
    [update] = manual_hub.provider.to(rf"/Calls/CA{1:032}\.json$")
    assert judged(field(update, "Twiml"))[0].text == "How are you?"


@pytest.mark.parametrize("by_machine", [True, False])
def test_only_a_person_calls_after_a_caller_who_has_hung_up(manual_hub: ManualHub, *, by_machine: bool) -> None:
    greeting = hears(manual_hub, connected(manual_hub), CallStatus="ringing")
    hears(manual_hub, one(greeting, "Gather").attrib["action"], SpeechResult="Hello?")
    manual_hub.work(Topic.INBOUND)
    manual_hub.provider.on("POST", rf"/Calls/{CALL}\.json$", refusal(21220))
    if by_machine:
        manual_hub.echo_agent()
    else:
        manual_hub.say(manual_hub.conversation().id, "I am here")
    manual_hub.work()
    [answer] = manual_hub.messages(Direction.OUTBOUND)
    assert (answer.status, len(_calls(manual_hub))) == (("dead", 0) if by_machine else ("sent", 1))
