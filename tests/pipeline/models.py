"""A hub with a language model, and customers who send it files by Telegram."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.pipeline.manual_hub import ManualHub
from tests.stubs import Received, Reply

CHAT = "/v1/chat/completions"

OpenHub = Callable[..., Any]


def says(text: str, **usage: Any) -> Reply:
    return Reply(json={"choices": [{"message": {"role": "assistant", "content": text}}], "usage": usage})


def contents(hub: ManualHub, question: int = -1) -> list[Any]:
    """What the messages of a question to the model hold."""
    return [message["content"] for message in hub.provider.to(CHAT)[question].json["messages"]]


def sends_file(
    hub: ManualHub,
    channel: str,
    kind: str,
    content: bytes,
    served_as: str,
    ending: str,
    caption: str | None = None,
    **more: Any,
) -> None:
    """A customer sends a file, which Telegram hands out by its id."""
    update = hub.update(5, "")
    name = f"file-{update['update_id']}"
    del update["message"]["text"]
    file = {"file_id": name, "file_unique_id": name} | more
    update["message"] |= {kind: [file] if kind == "photo" else file} | ({"caption": caption} if caption else {})

    def place(request: Received) -> Reply:
        return Reply(json={"ok": True, "result": {"file_id": "F", "file_path": f"{request.json['file_id']}.{ending}"}})

    hub.provider.on("GET", f"/{name}.{ending}$", Reply(content=content, headers={"content-type": served_as}))
    hub.provider.on("POST", "/getFile", place)
    hub.read(*hub.post_webhook(f"/webhook/telegram_bot/{channel}", update))
