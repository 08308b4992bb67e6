"""What customers say in voice messages is read by who answers, and by people."""

from __future__ import annotations

import json
from typing import Any

import pytest

from shared.usecases.replies.recordings import MOST
from tests.pipeline.manual_hub import ManualHub
from tests.pipeline.models import CHAT, OpenHub, contents, says, sends_file
from tests.stubs import Reply

TRANSCRIPTS = "/v1/audio/transcriptions"
OGG = b"OggS" + bytes(2_000)
MODEL = {"openai_transcription_model": "whisper-1"}


def _speaks(hub: ManualHub, channel: str, **more: Any) -> None:
    sends_file(hub, channel, "voice", OGG, "audio/ogg", "ogg", mime_type="audio/ogg", duration=2, **more)


def test_an_agent_reads_what_was_said_and_people_do_too(open_hub: OpenHub) -> None:
    with open_hub(**MODEL) as hub:
        hub.provider.on("POST", TRANSCRIPTS, Reply(json={"text": " Where is my order? "}))
        hub.provider.on("POST", CHAT, says("On its way."))
        _speaks(hub, hub.telegram())
        hub.work()
        assert contents(hub) == ["[said: Where is my order?]\n[audio]"]
        assert hub.sent_texts() == ["On its way."]
        [question] = hub.provider.to(TRANSCRIPTS)
        assert b'name="model"\r\n\r\nwhisper-1\r\n' in question.body
        assert b'filename="recording.ogg"' in question.body
        assert OGG in question.body
        conversation = hub.conversations()[0].id
        [voice] = [m for m in hub.get(f"/api/conversations/{conversation}/messages")["messages"] if m["attachments"]]
        assert voice["content"]["transcript"] == "Where is my order?"


def test_nothing_is_transcribed_twice(open_hub: OpenHub) -> None:
    with open_hub(**MODEL) as hub:
        channel = hub.telegram()
        hub.provider.on("POST", TRANSCRIPTS, Reply(json={"text": "Hello"}))
        _speaks(hub, channel)
        hub.work()
        hub.overlaps.clock.advance(seconds=31)
        hub.writes(channel, "And now?")
        hub.work()
        assert contents(hub)[0] == "[said: Hello]\n[audio]"
        assert len(hub.provider.to(TRANSCRIPTS)) == 1


@pytest.mark.parametrize("answer", [Reply(500), Reply(json={}), Reply(text="no JSON"), Reply(drop=True)])
def test_a_recording_that_is_not_transcribed_keeps_nobody_from_an_answer(open_hub: OpenHub, answer: Reply) -> None:
    with open_hub(**MODEL) as hub:
        hub.provider.on("POST", TRANSCRIPTS, answer)
        _speaks(hub, hub.telegram())
        hub.work()
        assert contents(hub) == ["[audio]"]
        assert len(hub.sent_texts()) == 1


def test_without_a_model_for_it_nothing_is_transcribed(open_hub: OpenHub) -> None:
    with open_hub() as hub:
        _speaks(hub, hub.telegram())
        hub.work()
        assert (contents(hub), hub.provider.to("/getFile")) == (["[audio]"], [])


def test_only_the_newest_recordings_are_transcribed_for_one_answer(open_hub: OpenHub) -> None:
    with open_hub(**MODEL) as hub:
        channel = hub.telegram()
        hub.provider.on("POST", TRANSCRIPTS, Reply(json={"text": "Hello"}))
        for _ in range(MOST + 1):
            _speaks(hub, channel)
        hub.work()
        assert contents(hub) == ["[audio]", *["[said: Hello]\n[audio]"] * MOST]


def test_a_recording_with_words_of_its_own_is_left_as_it_is(open_hub: OpenHub) -> None:
    with open_hub(**MODEL) as hub:
        _speaks(hub, hub.telegram(), caption="Listen")
        hub.work()
        assert (contents(hub), hub.provider.to(TRANSCRIPTS)) == (["Listen\n[audio]"], [])


def test_a_budget_that_is_used_up_ends_transcripts_too(open_hub: OpenHub) -> None:
    with open_hub(**MODEL, ai_tokens_per_day=1) as hub:
        channel = hub.telegram()
        hub.provider.on("POST", TRANSCRIPTS, Reply(json={"text": "Hello"}))
        _speaks(hub, channel)
        hub.work()
        assert len(hub.provider.to(TRANSCRIPTS)) == 1
        hub.overlaps.clock.advance(seconds=31)
        _speaks(hub, channel)
        hub.work()
        assert len(hub.provider.to(TRANSCRIPTS)) == 1


def test_an_agent_service_of_the_business_reads_it_too(open_hub: OpenHub) -> None:
    with open_hub(**MODEL) as hub:
        hub.provider.on("POST", TRANSCRIPTS, Reply(json={"text": "Hello"}))
        hub.provider.on("POST", "/agent", Reply(json={"message": "Hi."}))
        channel = hub.telegram()
        agent = {"agent_api_url": f"{hub.provider.url}/agent", "agent_api_key": "k", "default_agent": "a"}
        hub.client.put(f"/api/v1/instances/{channel}", json=agent, headers=hub.headers)
        _speaks(hub, channel)
        hub.work()
        assert "[said: Hello]" in json.dumps(hub.provider.to("/agent")[0].json)
