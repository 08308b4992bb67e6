"""A model that takes pictures is shown those that customers send."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from pydantic import SecretStr

from shared.answering.budget import TOKENS_PER_PICTURE
from shared.config import Settings
from shared.usecases.replies.pictures import LARGEST, MOST
from tests.index_check import recorded
from tests.pipeline.manual_hub import ManualHub, manual_hub_of
from tests.stubs import Received, Reply, Stub

CHAT = "/v1/chat/completions"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(40)
PICTURE = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{base64.b64encode(PNG).decode()}"}}

OpenHub = Callable[..., Any]


@pytest.fixture
def open_hub(settings: Settings, provider: Stub) -> OpenHub:
    """Opens a hub with a language model and these settings, and an agent that uses it."""

    @contextmanager
    def hub(**changes: Any) -> Iterator[ManualHub]:
        keyed = settings.model_copy(update={"openai_api_key": SecretStr("sk-test")} | changes)
        with recorded(keyed) as deps:
            manual = manual_hub_of(deps, provider)
            manual.echo_agent()
            provider.on("POST", CHAT, _says("A cat."))
            yield manual

    return hub


def _says(text: str, **usage: Any) -> Reply:
    return Reply(json={"choices": [{"message": {"role": "assistant", "content": text}}], "usage": usage})


def _sends_picture(hub: ManualHub, channel: str, content: bytes = PNG, caption: str | None = None, **more: Any) -> None:
    """A customer sends a photo, which Telegram hands out by its id."""
    update = hub.update(5, "")
    name = f"photo-{update['update_id']}"
    del update["message"]["text"]
    photo = {"file_id": name, "file_unique_id": name, "width": 9, "height": 9}
    update["message"] |= {"photo": [photo | more]} | ({"caption": caption} if caption else {})
    hub.provider.on("GET", f"/{name}.png$", Reply(content=content, headers={"content-type": "image/png"}))
    hub.provider.on("POST", "/getFile", _file)
    hub.read(*hub.post_webhook(f"/webhook/telegram_bot/{channel}", update))


def _file(request: Received) -> Reply:
    return Reply(json={"ok": True, "result": {"file_id": "F", "file_path": f"photos/{request.json['file_id']}.png"}})


def _contents(hub: ManualHub, question: int = -1) -> list[Any]:
    return [message["content"] for message in hub.provider.to(CHAT)[question].json["messages"]]


def _pictures(hub: ManualHub) -> int:
    return sum(content.count(PICTURE) for content in _contents(hub) if isinstance(content, list))


def test_a_picture_is_shown_beside_the_words(open_hub: OpenHub) -> None:
    with open_hub() as hub:
        _sends_picture(hub, hub.telegram(), caption="What is this?")
        hub.work()
        assert _contents(hub) == [[{"type": "text", "text": "What is this?\n[image]"}, PICTURE]]
        assert hub.sent_texts() == ["A cat."]


def test_the_newest_pictures_are_shown_and_older_ones_named(open_hub: OpenHub) -> None:
    with open_hub() as hub:
        channel = hub.telegram()
        for number in range(MOST + 2):
            _sends_picture(hub, channel, caption=f"number {number}")
        hub.work()
        contents = _contents(hub)
        assert contents[:2] == ["number 0\n[image]", "number 1\n[image]"]
        assert [content[0]["text"] for content in contents[2:]] == [f"number {n}\n[image]" for n in range(2, MOST + 2)]
        assert _pictures(hub) == MOST


@pytest.mark.parametrize("models", [("gpt-4o",), ()])
def test_a_model_that_takes_none_reads_that_there_is_one(open_hub: OpenHub, models: tuple[str, ...]) -> None:
    with open_hub(openai_image_models=models) as hub:
        _sends_picture(hub, hub.telegram())
        hub.work()
        assert _contents(hub) == ["[image]"]
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
        assert _contents(hub) == ["[image]"]
        assert hub.sent_texts() == ["A cat."]


def test_a_picture_that_is_said_to_be_too_large_is_not_fetched(open_hub: OpenHub) -> None:
    with open_hub() as hub:
        _sends_picture(hub, hub.telegram(), file_size=LARGEST + 1)
        hub.work()
        assert (_contents(hub), hub.provider.to("/getFile")) == (["[image]"], [])


def test_a_picture_that_cannot_be_had_keeps_nobody_from_an_answer(open_hub: OpenHub) -> None:
    with open_hub() as hub:
        channel = hub.telegram()
        _sends_picture(hub, channel, caption="Look")
        hub.provider.on("POST", "/getFile", Reply(502))
        hub.work()
        assert _contents(hub) == ["Look\n[image]"]
        assert hub.sent_texts() == ["A cat."]


def test_a_picture_that_the_model_refuses_keeps_nobody_from_an_answer(open_hub: OpenHub) -> None:
    with open_hub() as hub:

        def model(request: Received) -> Reply:
            return Reply(400, json={"error": {}}) if b"image_url" in request.body else _says("I cannot see it.")

        hub.provider.on("POST", CHAT, model)
        _sends_picture(hub, hub.telegram(), caption="Look")
        hub.work()
        assert [_contents(hub, question) for question in (0, 1)] == [
            [[{"type": "text", "text": "Look\n[image]"}, PICTURE]],
            ["Look\n[image]"],
        ]
        assert hub.sent_texts() == ["I cannot see it."]


def test_a_picture_counts_for_the_budget_as_a_picture(open_hub: OpenHub) -> None:
    with open_hub(openai_max_tokens=1) as hub:
        _sends_picture(hub, hub.telegram(), PNG + bytes(1_000_000))
        hub.work()
        [usage] = [usage for usage in hub.documents("ai_usage") if usage["tokens"]]
        assert TOKENS_PER_PICTURE < usage["tokens"] < TOKENS_PER_PICTURE + 100
