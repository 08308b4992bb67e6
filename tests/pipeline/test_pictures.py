"""A model that takes pictures is shown those that customers send."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from shared.answering.budget import TOKENS_PER_PICTURE
from shared.usecases.replies.pictures import LARGEST, MOST
from tests.pipeline.manual_hub import ManualHub
from tests.pipeline.models import CHAT, OpenHub, contents, says, sends_file
from tests.stubs import Received, Reply

PNG = b"\x89PNG\r\n\x1a\n" + bytes(40)
PICTURE = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{base64.b64encode(PNG).decode()}"}}


def _sends_picture(hub: ManualHub, channel: str, content: bytes = PNG, caption: str | None = None, **more: Any) -> None:
    sends_file(hub, channel, "photo", content, "image/png", "png", caption, width=9, height=9, **more)


def _pictures(hub: ManualHub) -> int:
    return sum(content.count(PICTURE) for content in contents(hub) if isinstance(content, list))


def test_a_picture_is_shown_beside_the_words(open_hub: OpenHub) -> None:
    with open_hub() as hub:
        _sends_picture(hub, hub.telegram(), caption="What is this?")
        hub.work()
        assert contents(hub) == [[{"type": "text", "text": "What is this?\n[image]"}, PICTURE]]
        assert hub.sent_texts() == ["A cat."]


def test_a_sticker_is_shown_as_a_picture(open_hub: OpenHub) -> None:
    with open_hub() as hub:
        sends_file(hub, hub.telegram(), "sticker", PNG, "image/png", "png", width=9, height=9)
        hub.work()
        assert _pictures(hub) == 1


def test_the_newest_pictures_are_shown_and_older_ones_named(open_hub: OpenHub) -> None:
    with open_hub() as hub:
        channel = hub.telegram()
        for number in range(MOST + 2):
            _sends_picture(hub, channel, caption=f"number {number}")
        hub.work()
        messages = contents(hub)
        assert messages[:2] == ["number 0\n[image]", "number 1\n[image]"]
        assert [content[0]["text"] for content in messages[2:]] == [f"number {n}\n[image]" for n in range(2, MOST + 2)]
        assert _pictures(hub) == MOST


@pytest.mark.parametrize("models", [("gpt-4o",), ()])
def test_a_model_that_takes_none_reads_that_there_is_one(open_hub: OpenHub, models: tuple[str, ...]) -> None:
    with open_hub(openai_image_models=models) as hub:
        _sends_picture(hub, hub.telegram())
        hub.work()
        assert contents(hub) == ["[image]"]
        assert hub.provider.to("/getFile") == []


@pytest.mark.parametrize(
    "content",
    [b"%PDF-1.7", b"<svg xmlns='http://www.w3.org/2000/svg'/>", PNG + bytes(LARGEST)],
    ids=["pdf", "svg", "large"],
)
def test_what_models_do_not_read_is_only_named(open_hub: OpenHub, content: bytes) -> None:
    with open_hub() as hub:
        _sends_picture(hub, hub.telegram(), content)
        hub.work()
        assert contents(hub) == ["[image]"]
        assert hub.sent_texts() == ["A cat."]


def test_a_picture_that_is_said_to_be_too_large_is_not_fetched(open_hub: OpenHub) -> None:
    with open_hub() as hub:
        _sends_picture(hub, hub.telegram(), file_size=LARGEST + 1)
        hub.work()
        assert (contents(hub), hub.provider.to("/getFile")) == (["[image]"], [])


def test_a_picture_that_cannot_be_had_keeps_nobody_from_an_answer(open_hub: OpenHub) -> None:
    with open_hub() as hub:
        channel = hub.telegram()
        _sends_picture(hub, channel, caption="Look")
        hub.provider.on("POST", "/getFile", Reply(502))
        hub.work()
        assert contents(hub) == ["Look\n[image]"]
        assert hub.sent_texts() == ["A cat."]


def test_a_picture_that_the_model_refuses_keeps_nobody_from_an_answer(open_hub: OpenHub) -> None:
    with open_hub() as hub:

        def model(request: Received) -> Reply:
            return Reply(400, json={"error": {}}) if b"image_url" in request.body else says("I cannot see it.")

        hub.provider.on("POST", CHAT, model)
        _sends_picture(hub, hub.telegram(), caption="Look")
        hub.work()
        assert [contents(hub, question) for question in (0, 1)] == [
            [[{"type": "text", "text": "Look\n[image]"}, PICTURE]],
            ["Look\n[image]"],
        ]
        assert hub.sent_texts() == ["I cannot see it."]


def test_a_picture_counts_for_the_budget_as_a_picture(open_hub: OpenHub) -> None:
    with open_hub(openai_max_tokens=1) as hub:
        _sends_picture(hub, hub.telegram(), PNG + bytes(1_000_000))
        hub.work()
        [usage] = [usage for usage in hub.documents("ai_usage") if usage["tokens"]]
        assert TOKENS_PER_PICTURE < usage["tokens"] < TOKENS_PER_PICTURE + 250
