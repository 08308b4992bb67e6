"""What the Bot API is asked when a message is edited or deleted."""

from __future__ import annotations

from typing import Any

import pytest

from shared.channels.telegram_bot import changes
from shared.deps import Deps
from shared.domain.instances import Instance
from shared.domain.messages import Span
from shared.domain.outbox import OutboxPayload
from shared.errors import ProviderRejected
from tests.channels.telegram_bot.sending import CHAT, PHOTO, calls, config, refused, to_chat
from tests.stubs import Reply, Stub

OK = Reply(json={"ok": True, "result": True})
MESSAGE = f"{CHAT}:77"


def edit(deps: Deps, instance: Instance, payload: OutboxPayload, message: str = MESSAGE, **more: Any) -> None:
    changes.edit(deps, instance, config(**more), payload, message)


def delete(deps: Deps, instance: Instance, message: str = MESSAGE) -> None:
    changes.delete(deps, instance, config(), to_chat("hello"), message)


def test_a_text_is_edited_with_its_looks(deps: Deps, instance: Instance, provider: Stub) -> None:
    provider.on("POST", "editMessageText", OK)
    edit(deps, instance, to_chat("now bold", spans=[Span(style="bold", start=4, end=8)], reply_to=f"{CHAT}:1"))
    looks = [{"type": "bold", "offset": 4, "length": 4}]
    body = {"chat_id": CHAT, "message_id": 77, "text": "now bold", "entities": looks}
    assert calls(provider) == [("editMessageText", body)]


def test_looks_that_telegram_cannot_read_are_left_out(deps: Deps, instance: Instance, provider: Stub) -> None:
    provider.on("POST", "editMessageText", OK)
    provider.on("POST", "editMessageText", refused(400, "Bad Request: can't parse entities"), times=1)
    edit(deps, instance, to_chat("*odd"), parseMode="MarkdownV2")
    assert [params.get("parse_mode") for _, params in calls(provider)] == ["MarkdownV2", None]


def test_a_files_text_is_its_caption(deps: Deps, instance: Instance, provider: Stub) -> None:
    provider.on("POST", "editMessageCaption", OK)
    edit(deps, instance, to_chat("new", PHOTO))
    assert calls(provider) == [("editMessageCaption", {"chat_id": CHAT, "message_id": 77, "caption": "new"})]


def test_a_file_that_went_as_a_link_keeps_it(deps: Deps, instance: Instance, provider: Stub) -> None:
    provider.on("POST", "editMessageCaption", refused(400, "Bad Request: there is no caption in the message to edit"))
    provider.on("POST", "editMessageText", OK)
    edit(deps, instance, to_chat("new", PHOTO))
    assert calls(provider)[1] == ("editMessageText", {"chat_id": CHAT, "message_id": 77, "text": f"new\n{PHOTO.url}"})


@pytest.mark.parametrize("why", ["message is not modified: same content", "MESSAGE IS NOT MODIFIED"])
def test_an_edit_that_was_made_before_is_done(deps: Deps, instance: Instance, provider: Stub, why: str) -> None:
    provider.on("POST", "editMessageText", refused(400, f"Bad Request: {why}"))
    edit(deps, instance, to_chat("new"))
    assert len(calls(provider)) == 1


def test_a_message_is_deleted_by_its_number(deps: Deps, instance: Instance, provider: Stub) -> None:
    provider.on("POST", "deleteMessage", OK)
    delete(deps, instance)
    delete(deps, instance, "direct:-100:9:78")
    bodies = [{"chat_id": CHAT, "message_id": 77}, {"chat_id": "-100", "message_id": 78}]
    assert calls(provider) == [("deleteMessage", body) for body in bodies]


def test_a_message_of_a_business_account_is_deleted_by_its_connection(
    deps: Deps, instance: Instance, provider: Stub
) -> None:
    provider.on("POST", "deleteBusinessMessages", OK)
    delete(deps, instance, "business:c1:5:77")
    assert calls(provider) == [("deleteBusinessMessages", {"business_connection_id": "c1", "message_ids": [77]})]


def test_what_is_not_there_any_more_is_deleted(deps: Deps, instance: Instance, provider: Stub) -> None:
    provider.on("POST", "deleteMessage", refused(400, "Bad Request: message to delete not found"))
    delete(deps, instance)
    assert len(calls(provider)) == 1


def test_a_refusal_is_told_in_telegrams_words(deps: Deps, instance: Instance, provider: Stub) -> None:
    provider.on("POST", "", refused(400, "Bad Request: message can't be deleted for everyone"))
    with pytest.raises(ProviderRejected, match="for everyone"):
        delete(deps, instance)
    with pytest.raises(ProviderRejected, match="not one of Telegram's"):
        delete(deps, instance, "")
