"""What calls by telephone leave: all that each step stores, and each event on the bus."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.deps import Deps
from tests.channels.voice.judge import one
from tests.channels.voice.test_conversation import CALL, ON_CALL, connected, hears
from tests.pipeline.manual_hub import ManualHub
from tests.pipeline.stories import StoppedClock, Story
from tests.twilio import ACCOUNT, BUSINESS_NUMBER, CUSTOMER, field, posts, refusal

RECORDING = {"CallSid": CALL, "AccountSid": ACCOUNT, "RecordingSid": "RE1", "RecordingDuration": "7"}
TRANSCRIPTION = {"TranscriptionStatus": "completed", "TranscriptionText": "Please call me back."}


@pytest.fixture
def deps(deps: Deps) -> Deps:
    return replace(deps, now=StoppedClock())


def test_a_call_a_voicemail_and_a_call_back(manual_hub: ManualHub) -> None:
    hub, story = manual_hub, Story(manual_hub)
    path = connected(hub)
    [voice] = [each["id"] for each in hub.documents("instances", tenant_id=hub.tenant_id)]
    story.begins(tenant=hub.tenant_id, worker=hub.deps.owner, voice=voice, agent=hub.echo_agent())
    greeting = hears(hub, path, CallStatus="ringing", CallerName="ANN LEE")
    hub.work()
    story.step("it rings")
    hears(hub, one(greeting, "Gather").attrib["action"], SpeechResult="Where is my order?", Confidence="0.9")
    hub.work()
    story.step("the caller asks something")
    for _ in range(2):
        posts(hub.client, f"{path}/status", ON_CALL | {"CallStatus": "completed", "CallDuration": "90"})
        hub.work()
    story.step("and hangs up")
    record = one(greeting, "Record").attrib
    posts(hub.client, record["recordingStatusCallback"], RECORDING | {"RecordingStatus": "completed"})
    posts(hub.client, record["transcribeCallback"], ON_CALL | RECORDING | TRANSCRIPTION)
    hub.work()
    story.step("a voicemail is there")
    hub.provider.on("POST", rf"/Calls/{CALL}\.json$", refusal(21220, "not in-progress"))
    hub.say(hub.conversation().id, "Your order is here")
    hub.work()
    story.step("a person answers by a call")
    called = [each for each in hub.provider.to(r"/Calls\.json$") if each.method == "POST"][-1]
    outgoing = {"CallSid": f"CA{1:032}", "Direction": "outbound-api", "From": BUSINESS_NUMBER, "To": CUSTOMER}
    for status in ("ringing", "no-answer"):
        fields = outgoing | {"AccountSid": ACCOUNT, "CallStatus": status, "CallDuration": "0"}
        posts(hub.client, field(called, "StatusCallback"), fields)
        hub.work()
    story.step("which nobody takes")
    story.is_as_recorded("calls")
