"""Chats that get another address at the provider: a person a new number, a group of Telegram's another id."""

from __future__ import annotations

from typing import Any

import pytest

from shared.domain.conversations import ConversationStatus
from tests.pipeline.manual_hub import ManualHub
from tests.pipeline.providers import Cloud, Telegram

FIRST, SECOND, THIRD = "16505551231", "16505551232", "16505551233"


@pytest.fixture
def hub(manual_hub: ManualHub) -> ManualHub:
    return manual_hub


@pytest.fixture
def cloud(hub: ManualHub) -> Cloud:
    return Cloud.of(hub)


def _receiver(hub: ManualHub, text: str) -> str:
    """To whom an answer in the open conversation goes."""
    [session] = [each.id for each in hub.conversations() if each.status is ConversationStatus.OPEN]
    hub.post("/messages/send", {"session_id": session, "content": text}, 202)
    hub.deliver()
    [sent] = [each for each in hub.provider.to("/messages") if each.json.get("text", {}).get("body") == text]
    return str(sent.json["to"])


def _close(hub: ManualHub) -> None:
    for each in hub.conversations():
        hub.patch(f"/api/conversations/{each.id}", {"status": "CLOSED"})


def test_a_chat_that_moves_twice_stays_one_conversation(hub: ManualHub, cloud: Cloud) -> None:
    cloud.writes("from the first number", FIRST)
    cloud.moves(FIRST, SECOND)
    cloud.moves(SECOND, THIRD)
    assert _receiver(hub, "answer") == THIRD
    for text, number in (("from the third", THIRD), ("from the second", SECOND), ("late from the first", FIRST)):
        cloud.writes(text, number)
    assert hub.conversation().external_user_id == THIRD
    assert len(hub.documents("customers", tenant_id=hub.tenant_id)) == 1
    assert len(hub.messages()) == 5


def test_a_conversation_that_begins_between_two_moves_moves_too(hub: ManualHub, cloud: Cloud) -> None:
    cloud.writes("hello", FIRST)
    cloud.moves(FIRST, SECOND)
    _close(hub)
    cloud.writes("me again", SECOND)
    cloud.moves(SECOND, THIRD)
    assert _receiver(hub, "answer") == THIRD


def test_a_session_that_the_business_begins_goes_to_the_newest_address(hub: ManualHub, cloud: Cloud) -> None:
    cloud.writes("hello", FIRST)
    cloud.moves(FIRST, SECOND)
    cloud.moves(SECOND, THIRD)
    customer_id = hub.conversation().customer_id
    _close(hub)
    hub.post("/sessions/create", {"customer_id": customer_id, "channel_type": "whatsapp"})
    assert _receiver(hub, "we are back") == THIRD


def test_a_move_that_is_told_again_later_does_not_bring_the_old_address_back(hub: ManualHub, cloud: Cloud) -> None:
    cloud.writes("hello", FIRST)
    for old, new in ((FIRST, SECOND), (FIRST, SECOND), (SECOND, THIRD), (FIRST, SECOND)):
        cloud.moves(old, new)
    assert _receiver(hub, "answer") == THIRD


def test_who_moves_back_is_reached_at_the_first_address_again(hub: ManualHub, cloud: Cloud) -> None:
    cloud.writes("hello", FIRST)
    cloud.moves(FIRST, SECOND)
    cloud.moves(SECOND, FIRST)
    assert _receiver(hub, "answer") == FIRST
    cloud.writes("from the first number", FIRST)
    cloud.writes("from the second", SECOND)
    assert len(hub.conversations()) == 1
    cloud.moves(FIRST, SECOND)
    assert _receiver(hub, "another answer") == SECOND


def test_a_chat_whose_new_address_was_met_before_the_move_is_joined(hub: ManualHub, cloud: Cloud) -> None:
    cloud.writes("from the first number", FIRST)
    cloud.writes("from the second", SECOND)
    first, second = sorted(hub.conversations(), key=lambda each: each.created_at)
    cloud.moves(FIRST, SECOND)
    cloud.writes("again from the second", SECOND)
    assert hub.message("again from the second").conversation_id == first.id
    closed = {each.id: each for each in hub.conversations()}[second.id]
    assert (closed.status, closed.needs_reply_since) == (ConversationStatus.CLOSED, None)
    assert closed.closed_at is not None
    assert _receiver(hub, "answer") == SECOND


def test_a_joined_chat_may_be_written_to_as_long_as_its_new_address(hub: ManualHub, cloud: Cloud) -> None:
    cloud.writes("from the first number", FIRST)
    hub.wait(days=3)
    cloud.writes("from the second", SECOND)
    hub.wait(hours=23)
    cloud.moves(FIRST, SECOND)
    assert _receiver(hub, "answer") == SECOND


def test_a_number_that_is_spelled_in_two_ways_moves_too(hub: ManualHub, cloud: Cloud) -> None:
    without_nine = "551188887777"
    cloud.writes("from the first number", without_nine)
    cloud.writes("from the second", SECOND)
    cloud.moves(without_nine, SECOND)
    cloud.writes("again from the second", SECOND)
    assert hub.message("again from the second").conversation_id == hub.message("from the first number").conversation_id


def test_a_conversation_that_begins_while_its_chat_moves_moves_too(hub: ManualHub, cloud: Cloud) -> None:
    cloud.writes("hello", FIRST)
    _close(hub)
    hub.overlaps.store.before_commit("identities", lambda: cloud.writes("me again", FIRST))
    cloud.moves(FIRST, SECOND)
    assert hub.overlaps.all_happened
    assert _receiver(hub, "answer") == SECOND


def test_the_new_address_writes_while_the_move_is_noted(hub: ManualHub, cloud: Cloud) -> None:
    cloud.writes("hello", FIRST)
    hub.overlaps.store.before_commit("identities", lambda: cloud.writes("it is me", SECOND))
    cloud.moves(FIRST, SECOND)
    assert hub.overlaps.all_happened
    cloud.writes("still me", SECOND)
    assert hub.message("still me").conversation_id == hub.message("hello").conversation_id


def test_a_move_of_a_chat_that_nobody_knows_changes_nothing(hub: ManualHub, cloud: Cloud) -> None:
    cloud.moves(FIRST, SECOND)
    assert hub.documents("identities") == []


def _in_group(hub: ManualHub, chat: int, text: str) -> dict[str, Any]:
    update = hub.update(chat, text)
    update["message"] |= {"chat": {"id": chat, "type": "group" if chat == -5 else "supergroup", "title": "Friends"}}
    update["message"] |= {"from": {"id": 7, "is_bot": False, "first_name": "Ann"}}
    return update


def test_a_group_that_becomes_a_supergroup_goes_on_there(hub: ManualHub) -> None:
    bot = Telegram.of(hub)
    bot.brings(_in_group(hub, -5, "hello"))
    for chat, migration in ((-5, {"migrate_to_chat_id": -1005}), (-1005, {"migrate_from_chat_id": -5})):
        update = _in_group(hub, chat, "")
        update["message"] |= migration
        bot.brings(update)
    bot.brings(_in_group(hub, -1005, "still here"))
    session = hub.conversation()
    hub.post("/messages/send", {"session_id": session.id, "content": "answer"}, 202)
    hub.deliver()
    [sent] = hub.provider.to("/sendMessage")
    assert sent.json["chat_id"] == "-1005"
    assert hub.all_texts() == ["hello", "still here", "answer"]
