"""From the list of steps to TwiML, with Twilio's library as the judge of it."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pydantic import ValidationError

from shared.channel.webhook import Webhook
from shared.channels.voice import twiml
from shared.channels.voice.config import VoiceConfig
from shared.channels.voice.twiml import Script
from shared.channels.voice.webhook import respond
from shared.deps import Deps
from shared.domain.instances import Instance
from tests.channels import golden
from tests.channels.voice.judge import judged, one, verbs
from tests.twilio import CONFIG, CUSTOMER

ADDRESS = "https://hub.example/webhook/voice/i1"
EVERYTHING: list[dict[str, Any]] = [
    {"do": "greet", "text": "Welcome to <Tom & Jerry's>"},
    {"do": "gather", "text": "How can we help?", "listen": "both", "seconds": 4, "keys": 1, "choices": {"0": 3}},
    {"do": "agent", "text": "One moment", "seconds": 10},
    {"do": "dial", "number": "+14155550199", "seconds": 15},
    {"do": "voicemail", "text": "Speak", "seconds": 60},
    {"do": "hangup", "text": "Bye"},
]


def script(*actions: dict[str, Any]) -> Script:
    config = VoiceConfig.model_validate({**CONFIG, "actions": list(actions) or EVERYTHING})
    return Script(config, ADDRESS, CUSTOMER, "t1")


def test_a_call_begins_with_all_steps_up_to_the_first_that_asks_us() -> None:
    root = judged(twiml.from_step(script(), 0))
    assert verbs(root) == ["Say", "Gather", "Dial"]
    assert root[0].text == "Welcome to <Tom & Jerry's>"
    gather = root[1]
    assert (gather.attrib["input"], gather.attrib["timeout"], gather.attrib["numDigits"]) == ("speech dtmf", "4", "1")
    assert one(gather, "Say").text == "How can we help?"
    action = urlsplit(gather.attrib["action"])
    assert f"{action.scheme}://{action.netloc}{action.path}" == f"{ADDRESS}/gather"
    assert parse_qs(action.query) == {"step": ["1"], "chat": [CUSTOMER], "turn": ["t1"], "choices": ["0"]}
    assert one(root, "Number").text == "+14155550199"


def test_a_voicemail_is_recorded_and_written_down() -> None:
    root = judged(twiml.from_step(script(), 4))
    assert verbs(root) == ["Say", "Record", "Say", "Hangup"]
    record = one(root, "Record").attrib
    assert (record["maxLength"], record["transcribe"]) == ("60", "true")
    assert [urlsplit(record[name]).path.rpartition("/")[2] for name in record if "allback" in name] == [
        "recording",
        "transcription",
    ]
    silent = judged(twiml.from_step(script({"do": "voicemail", "transcribe": False}), 0))
    assert "transcribe" not in one(silent, "Record").attrib


def test_what_is_said_in_between_is_followed_by_listening_without_asking_again() -> None:
    root = judged(twiml.speech(script(), "It ships today", 1))
    assert verbs(root) == ["Say", "Gather", "Dial"]
    assert root[0].text == "It ships today"
    assert list(root[1]) == []
    assert verbs(judged(twiml.speech(script({"do": "hangup"}), "Bye", None))) == ["Say"]


def test_after_the_last_step_nothing_is_said() -> None:
    assert verbs(judged(twiml.from_step(script(), 6))) == []


@hypothesis_settings(max_examples=200, deadline=None, database=None)
@given(text=st.text(min_size=1, max_size=40))
def test_any_text_is_written_so_that_xml_can_be_read(text: str) -> None:
    root = judged(twiml.speech(script(), text, 1))
    assert len(root[0].text or "") == len(text.replace("\r\n", "\n"))


@pytest.mark.parametrize(
    "actions",
    [
        [],
        [{"do": "dance"}],
        [{"do": "greet"}],
        [{"do": "dial", "number": "911"}],
        [{"do": "gather", "choices": {"0": 5}}],
        [{"do": "gather", "choices": {"a": 0}}],
        [{"do": "agent", "seconds": 100_000}],
        [{"do": "hangup", "colour": "red"}],
    ],
)
def test_a_list_that_leads_nowhere_is_refused(actions: list[dict[str, Any]]) -> None:
    with pytest.raises(ValidationError):
        VoiceConfig.model_validate({**CONFIG, "actions": actions})


def hears(
    deps: Deps, instance: Instance, suffix: str = "", query: dict[str, str] | None = None, **fields: str
) -> list[str]:
    """The TwiML verbs of the answer to a call."""
    body = {"CallSid": "CA1", "From": CUSTOMER, "Direction": "inbound", "CallStatus": "in-progress"} | fields
    webhook: Webhook = golden.webhook(
        body, url=f"{ADDRESS}/{suffix}".rstrip("/"), suffix=suffix, query=query or {}, headers={}
    )
    config = VoiceConfig.model_validate({**CONFIG, "actions": EVERYTHING})
    answer = respond(deps, instance, config, webhook)
    assert answer is not None
    assert answer.content_type == "text/xml"
    return verbs(judged(answer.body))


def test_what_was_gathered_leads_to_the_agent_or_to_the_chosen_step(deps: Deps, instance: Instance) -> None:
    gathered = {"step": "1", "chat": CUSTOMER, "turn": "1"}
    assert hears(deps, instance, "gather", gathered, SpeechResult="Where?") == ["Say", "Pause", "Redirect"]
    assert hears(deps, instance, "gather", gathered, Digits="5") == ["Say", "Pause", "Redirect"]
    assert hears(deps, instance, "gather", gathered, Digits="0") == ["Dial"]


@pytest.mark.parametrize(
    ("round_", "expected"),
    [
        ("2", ["Pause", "Redirect"]),
        ("4", ["Pause", "Redirect"]),
        ("5", ["Dial"]),
        ("999", ["Dial"]),
        ("-1", ["Dial"]),
        ("x", ["Dial"]),
    ],
)
def test_the_wait_for_the_agent_has_an_end(deps: Deps, instance: Instance, round_: str, expected: list[str]) -> None:
    assert hears(deps, instance, "hold", {"step": "2", "round": round_, "chat": CUSTOMER}) == expected


@pytest.mark.parametrize(
    ("suffix", "fields", "expected"),
    [
        ("", {"CallStatus": "ringing"}, ["Say", "Gather", "Dial"]),
        ("dialed", {"DialCallStatus": "completed"}, ["Hangup"]),
        ("dialed", {"DialCallStatus": "busy"}, ["Say", "Record", "Say", "Hangup"]),
        ("recorded", {"RecordingSid": "RE1"}, ["Hangup"]),
        ("status", {"CallStatus": "completed"}, []),
        ("recording", {"RecordingStatus": "completed"}, []),
        ("transcription", {"TranscriptionStatus": "completed"}, []),
    ],
)
def test_each_of_our_addresses_answers_with_what_follows(
    deps: Deps, instance: Instance, suffix: str, fields: dict[str, str], expected: list[str]
) -> None:
    assert hears(deps, instance, suffix, {"step": "3", "chat": CUSTOMER}, **fields) == expected


@pytest.mark.parametrize("step", ["99", "-1", "", "x", "٣"])
def test_a_step_that_is_not_there_does_no_harm(deps: Deps, instance: Instance, step: str) -> None:
    for suffix in ("gather", "hold", "dialed"):
        hears(deps, instance, suffix, {"step": step, "chat": CUSTOMER}, Digits="1")
