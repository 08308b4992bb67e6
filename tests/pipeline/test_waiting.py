"""Since when a customer waits for an answer, what ends it, and what does not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from shared.domain.conversations import Conversation
from shared.domain.events import Topic
from tests.evolution import upsert, written
from tests.pipeline.manual_hub import ManualHub


def _later(hub: ManualHub) -> None:
    hub.overlaps.clock.advance(minutes=2)


def _newest(hub: ManualHub) -> Conversation:
    return max(hub.conversations(), key=lambda each: each.created_at)


def _say(hub: ManualHub, text: str = "hello") -> None:
    hub.post("/api/messages/send", {"conversationId": hub.conversation().id, "text": text}, 202)


def test_of_several_messages_the_first_begins_the_waiting(manual_hub: ManualHub, bot: str) -> None:
    for text in ("one", "two", "three"):
        manual_hub.writes(bot, text)
        _later(manual_hub)
    assert manual_hub.conversation().needs_reply_since == manual_hub.arrival("one")


def _a_person_answers(hub: ManualHub) -> None:
    _say(hub)


def _the_machine_answers(hub: ManualHub) -> None:
    hub.echo_agent()
    hub.work()
    assert hub.sent_texts() == ["Echo: one"]


def _it_is_closed(hub: ManualHub) -> None:
    hub.patch(f"/api/conversations/{hub.conversation().id}", {"status": "CLOSED"})


def _it_is_closed_and_opened_again(hub: ManualHub) -> None:
    _it_is_closed(hub)
    hub.patch(f"/api/conversations/{hub.conversation().id}", {"status": "OPEN"})


@pytest.mark.parametrize(
    "ends", [_a_person_answers, _the_machine_answers, _it_is_closed, _it_is_closed_and_opened_again]
)
def test_who_writes_again_waits_from_then_on(
    manual_hub: ManualHub, bot: str, ends: Callable[[ManualHub], None]
) -> None:
    manual_hub.writes(bot, "one")
    _later(manual_hub)
    ends(manual_hub)
    assert manual_hub.conversation().needs_reply_since is None
    _later(manual_hub)
    manual_hub.writes(bot, "two")
    _later(manual_hub)
    manual_hub.writes(bot, "three")
    assert _newest(manual_hub).needs_reply_since == manual_hub.arrival("two")


def test_who_gets_an_answer_from_the_account_itself_waits_no_more(manual_hub: ManualHub, whatsapp: str) -> None:
    path = f"/webhook/whatsapp/{whatsapp}"
    for text, from_me in (("one", False), ("by phone", True)):
        manual_hub.client.post(path, json=upsert(written(text, fromMe=from_me)))
        _later(manual_hub)
    manual_hub.work()
    assert manual_hub.conversation().needs_reply_since is None
    manual_hub.client.post(path, json=upsert(written("two")))
    manual_hub.work()
    assert manual_hub.conversation().needs_reply_since == manual_hub.arrival("two")


def _campaign(hub: ManualHub) -> None:
    audience = {"customer_ids": [hub.conversation().customer_id]}
    body = {"name": "Sale", "channels": ["telegram_bot"], "message": "Sale!", "audience": audience}
    campaign_id = hub.post("/campaigns", body, 201)["campaign_id"]
    hub.post(f"/campaigns/{campaign_id}/launch", {}, 202)
    hub.tick()
    assert "Sale!" in hub.sent_texts()


def _assignment(hub: ManualHub) -> None:
    hub.patch(f"/api/conversations/{hub.conversation().id}", {"assigneeId": "ann", "priority": "HIGH"})


def _note_of_a_call(hub: ManualHub) -> None:
    customer_id = hub.conversation().customer_id
    body = {"customer_id": customer_id, "channel_type": "telegram_bot", "initial_message": "They rang, too"}
    hub.post("/sessions/create", body)


@pytest.mark.parametrize("act", [_campaign, _assignment, _note_of_a_call])
def test_who_waits_goes_on_waiting_through(manual_hub: ManualHub, bot: str, act: Callable[[ManualHub], None]) -> None:
    manual_hub.writes(bot, "one")
    _later(manual_hub)
    act(manual_hub)
    _later(manual_hub)
    manual_hub.writes(bot, "two")
    assert manual_hub.conversation().needs_reply_since == manual_hub.arrival("one")


@pytest.mark.parametrize("ends", [_a_person_answers, _it_is_closed])
def test_who_is_noted_to_have_rung_waits_from_then_on(
    manual_hub: ManualHub, bot: str, ends: Callable[[ManualHub], None]
) -> None:
    manual_hub.writes(bot, "one")
    ends(manual_hub)
    _later(manual_hub)
    _note_of_a_call(manual_hub)
    _later(manual_hub)
    manual_hub.writes(bot, "two")
    assert _newest(manual_hub).needs_reply_since == manual_hub.arrival("They rang, too")


def test_who_does_not_wait_does_not_begin_to_by_a_campaign(manual_hub: ManualHub, bot: str) -> None:
    manual_hub.writes(bot, "one")
    _say(manual_hub)
    _campaign(manual_hub)
    assert manual_hub.conversation().needs_reply_since is None


def test_the_waiting_goes_along_to_another_channel_and_back(
    manual_hub: ManualHub, bot: str, whatsapp: str, session: str
) -> None:
    _later(manual_hub)
    manual_hub.move(session)
    manual_hub.maria_writes(whatsapp, "two")
    assert manual_hub.of(session).needs_reply_since == manual_hub.arrival("one")
    manual_hub.move(session, from_channel="whatsapp", to_channel="telegram_bot")
    manual_hub.writes(bot, "three")
    assert manual_hub.conversation().needs_reply_since == manual_hub.arrival("one")


def test_who_was_answered_on_the_old_channel_waits_on_the_new_one_from_their_next_message_on(
    manual_hub: ManualHub, whatsapp: str, session: str
) -> None:
    manual_hub.say(session, "hello")
    manual_hub.move(session)
    _later(manual_hub)
    manual_hub.maria_writes(whatsapp, "two")
    assert manual_hub.of(session).needs_reply_since == manual_hub.arrival("two")


def test_who_writes_on_the_old_channel_after_the_move_waits_from_then_on(
    manual_hub: ManualHub, bot: str, session: str
) -> None:
    manual_hub.move(session)
    _later(manual_hub)
    manual_hub.writes(bot, "again")
    [other] = manual_hub.others(session)
    assert other.needs_reply_since == manual_hub.arrival("again")


def _replies(hub: ManualHub) -> tuple[int, float]:
    """How many waits ended with an answer, and after how long on the average, in whole minutes."""
    dashboard: Any = hub.get("/analytics/dashboard")
    counted = sum(each.get("replies", 0) for each in hub.documents("stats", tenant_id=hub.tenant_id))
    return counted, round(dashboard["responseTime"] / 60)


def test_only_the_first_answer_to_whoever_waits_is_counted_and_by_the_whole_wait(
    manual_hub: ManualHub, bot: str
) -> None:
    manual_hub.writes(bot, "one")
    _later(manual_hub)
    manual_hub.writes(bot, "two")
    _later(manual_hub)
    _campaign(manual_hub)
    for text in ("first", "second"):
        _say(manual_hub, text)
    _it_is_closed(manual_hub)
    assert _replies(manual_hub) == (1, 4)


def _history_comes(hub: ManualHub, whatsapp: str, text: str) -> None:
    """What was said before the account was connected."""
    history = {"event": "messages.set", "instance": "shop", "data": [written(text)]}
    assert hub.client.post(f"/webhook/whatsapp/{whatsapp}", json=history).status_code == 200
    hub.work(Topic.INBOUND)


def test_what_was_said_before_the_account_was_connected_waits_for_nobody(manual_hub: ManualHub, whatsapp: str) -> None:
    manual_hub.echo_agent()
    _history_comes(manual_hub, whatsapp, "long ago")
    assert Topic.REPLIES not in [each.topic for each in manual_hub.overlaps.bus.published]
    assert manual_hub.texts(manual_hub.conversation().id) == ["long ago"]
    assert manual_hub.conversation().needs_reply_since is None
    manual_hub.overlaps.clock.advance(minutes=1)
    manual_hub.maria_writes(whatsapp, "now")
    assert manual_hub.conversation().needs_reply_since == manual_hub.arrival("now")
    manual_hub.work()
    assert manual_hub.sent_texts("/message/sendText") == ["Echo: now"]


def test_who_waits_is_answered_though_something_comes_in_between_that_waits_for_nobody(
    manual_hub: ManualHub, whatsapp: str
) -> None:
    manual_hub.echo_agent()
    manual_hub.maria_writes(whatsapp, "help")
    _history_comes(manual_hub, whatsapp, "long ago")
    manual_hub.work()
    [answer] = manual_hub.sent_texts("/message/sendText")
    assert answer.startswith("Echo: help")
    assert manual_hub.conversation().needs_reply_since is None


def test_who_waits_since_a_session_was_begun_for_them_goes_on_waiting_when_they_write(
    manual_hub: ManualHub, bot: str
) -> None:
    manual_hub.writes(bot, "one")
    _it_is_closed(manual_hub)
    body = {"customer_id": manual_hub.conversation().customer_id, "channel_type": "telegram_bot"}
    session = manual_hub.post("/sessions/create", body | {"initial_message": "They called and want help."})
    waiting_since = manual_hub.of(session["session_id"]).needs_reply_since
    assert waiting_since is not None
    _later(manual_hub)
    manual_hub.writes(bot, "two")
    assert manual_hub.of(session["session_id"]).needs_reply_since == waiting_since
