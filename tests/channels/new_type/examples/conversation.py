"""A letter comes in by the webhook, and its answer goes out; copied beside the channel's fixtures as a test."""

from __future__ import annotations

import pytest

from shared.config import Settings
from tests.pipeline.hub import Hub
from tests.stubs import Reply

PUBLIC = "https://hub.example.com"
LETTER = {"id": "letter-1", "loft": "loft-5", "text": "hello", "written_at": "2026-11-20T23:30:00+00:00"}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"public_url": PUBLIC})


def test_a_letter_is_answered(hub: Hub) -> None:
    hub.provider.on("PUT", "/loft", Reply(json={"name": "Ours"}))
    hub.provider.on("POST", "/letters", Reply(json={"id": "letter-2"}))
    hub.echo_agent()
    assert hub.post("/channels/pigeon/configure", {"api_key": "loft-key-1"})["success"]
    [registration] = [call.json for call in hub.provider.to("/loft$") if call.json]
    path = registration["url"].removeprefix(PUBLIC)
    hub.post(path, LETTER, 401)
    hub.post(path, LETTER, **{"X-Loft-Secret": registration["secret"]})
    [answer] = hub.provider.wait_for("/letters")
    assert answer.json["loft"] == "loft-5"
    assert "hello" in answer.json["text"]
