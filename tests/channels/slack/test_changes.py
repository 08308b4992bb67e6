"""What Slack is asked when a message is edited or deleted."""

from __future__ import annotations

from typing import Any

import pytest

from shared.channels.slack import changes
from shared.channels.slack.config import SlackConfig
from shared.deps import Deps
from shared.domain.instances import Instance
from shared.domain.messages import Attachment, MessageKind
from shared.domain.outbox import Choice, OutboxPayload
from shared.errors import ProviderRejected, ProviderUnavailable
from tests.stubs import Reply, Stub

CONFIG = SlackConfig.model_validate({"botToken": "xoxb-1"})
MESSAGE = "C1:1735690000.000100"
NAME = {"channel": "C1", "ts": "1735690000.000100"}
LIST = Attachment(type=MessageKind.DOCUMENT, url="https://files.example/list.pdf")


def refused(error: str) -> Reply:
    return Reply(json={"ok": False, "error": error})


def edit(deps: Deps, instance: Instance, text: str = "a < b", **more: Any) -> None:
    changes.edit(deps, instance, CONFIG, OutboxPayload(external_conversation_id="C1", text=text, **more), MESSAGE)


def delete(deps: Deps, instance: Instance, message: str = MESSAGE) -> None:
    changes.delete(deps, instance, CONFIG, OutboxPayload(external_conversation_id="C1", text="hello"), message)


def test_a_text_is_replaced_beside_its_files(deps: Deps, instance: Instance, provider: Stub) -> None:
    provider.on("POST", "/chat.update$", Reply(json={"ok": True, **NAME}))
    edit(deps, instance, attachments=[LIST])
    [request] = provider.requests
    assert request.json == NAME | {"text": "a &lt; b\n<https://files.example/list.pdf>"}


def test_a_question_keeps_its_buttons(deps: Deps, instance: Instance, provider: Stub) -> None:
    provider.on("POST", "/chat.update$", Reply(json={"ok": True, **NAME}))
    edit(deps, instance, "Which one?", choices=[Choice(id="r", title="Red")])
    section, actions = provider.requests[0].json["blocks"]
    assert section["text"]["text"] == "Which one?"
    assert [button["value"] for button in actions["elements"]] == ["r"]


def test_a_message_is_deleted_once(deps: Deps, instance: Instance, provider: Stub) -> None:
    provider.on("POST", "/chat.delete$", refused("message_not_found"))
    provider.on("POST", "/chat.delete$", Reply(json={"ok": True, **NAME}), times=1)
    delete(deps, instance)
    delete(deps, instance)
    assert [request.json for request in provider.requests] == [NAME, NAME]


def test_refusals_are_told_in_slacks_words(deps: Deps, instance: Instance, provider: Stub) -> None:
    provider.on("POST", "/chat.update$", refused("edit_window_closed"))
    with pytest.raises(ProviderRejected, match="edit_window_closed"):
        edit(deps, instance)
    provider.on("POST", "/chat.delete$", Reply(429, {"ok": False, "error": "ratelimited"}))
    with pytest.raises(ProviderUnavailable):
        delete(deps, instance)
    with pytest.raises(ProviderRejected, match="not one of Slack's"):
        delete(deps, instance, "C1")
