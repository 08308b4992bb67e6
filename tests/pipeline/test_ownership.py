"""Whose turn it is: a person who takes a conversation silences the machines, who go on when it is given back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from shared.domain.conversations import Owner
from shared.domain.events import Topic
from shared.errors import StoreError
from tests.evolution import upsert, written
from tests.functions.keys import key_for
from tests.pipeline.manual_hub import ManualHub
from tests.stubs import Received, Reply

Act = Callable[[ManualHub, str], object]


@pytest.fixture
def answered(manual_hub: ManualHub, session: str) -> str:
    """The id of a conversation by Telegram in which a bot has answered "one", and rests no more."""
    manual_hub.echo_agent()
    manual_hub.work()
    manual_hub.wait(minutes=1)
    return session


def _act(hub: ManualHub, session: str, action: str, body: Any = None, status: int = 200) -> Any:
    return hub.post(f"/api/conversations/{session}/{action}", body or {}, status)


def _take(hub: ManualHub, session: str) -> object:
    return _act(hub, session, "take")


def _say(hub: ManualHub, session: str) -> object:
    return hub.say(session, "I am here")


def _assign(hub: ManualHub, session: str) -> object:
    return hub.patch(f"/api/conversations/{session}", {"assigneeId": "ann"})


def _say_by_dashboard(hub: ManualHub, session: str) -> object:
    return hub.post("/messages/send", {"session_id": session, "content": "I am here"}, 202)


WAYS_TO_TAKE = pytest.mark.parametrize("act", [_take, _say, _say_by_dashboard, _assign])


def _answers(hub: ManualHub) -> list[str]:
    hub.work()
    return [text for text in hub.sent_texts() if text.startswith("Echo")]


@pytest.fixture
def colleague(manual_hub: ManualHub) -> dict[str, str]:
    """The headers of somebody else, with an API key that is no user's."""
    return key_for(manual_hub.deps, manual_hub.tenant_id)


@WAYS_TO_TAKE
def test_while_a_person_has_it_nothing_answers_by_itself(
    manual_hub: ManualHub, bot: str, answered: str, act: Act
) -> None:
    act(manual_hub, answered)
    manual_hub.writes(bot, "two")
    assert _answers(manual_hub) == ["Echo: one"]
    assert manual_hub.of(answered).owner is Owner.HUMAN


@WAYS_TO_TAKE
def test_what_waits_is_answered_once_when_the_person_has_given_no_sign_for_half_an_hour(
    manual_hub: ManualHub, bot: str, answered: str, act: Act
) -> None:
    act(manual_hub, answered)
    manual_hub.writes(bot, "two", "three")
    manual_hub.wait(minutes=29)
    manual_hub.tick()
    assert _answers(manual_hub) == ["Echo: one"]
    manual_hub.wait(minutes=2)
    manual_hub.tick()
    manual_hub.tick()
    assert _answers(manual_hub) == ["Echo: one", "Echo: two\nthree"]
    assert manual_hub.of(answered).owner is Owner.BOT


def test_each_message_of_the_person_begins_the_pause_anew(manual_hub: ManualHub, bot: str, answered: str) -> None:
    manual_hub.say(answered, "I am here")
    manual_hub.wait(minutes=20)
    manual_hub.say(answered, "one moment")
    manual_hub.writes(bot, "two")
    manual_hub.wait(minutes=20)
    manual_hub.tick()
    assert _answers(manual_hub) == ["Echo: one"]


@pytest.mark.parametrize("owner", ["tenant", "channel"])
def test_a_pause_of_none_lasts_until_the_conversation_is_released(
    manual_hub: ManualHub, bot: str, answered: str, owner: str
) -> None:
    if owner == "tenant":
        manual_hub.patch("/api/settings", {"humanPauseMinutes": 0})
    else:
        manual_hub.patch(f"/api/channels/{bot}", {"config": {"humanPauseMinutes": 0}})
    _take(manual_hub, answered)
    manual_hub.writes(bot, "two")
    manual_hub.wait(days=30)
    manual_hub.tick()
    assert _answers(manual_hub) == ["Echo: one"]
    released = _act(manual_hub, answered, "release")
    assert (released["owner"], released["assigneeId"]) == ("BOT", None)
    assert _answers(manual_hub) == ["Echo: one", "Echo: two"]


def test_what_waits_when_a_conversation_is_released_is_answered_though_its_event_is_lost(
    manual_hub: ManualHub, bot: str, answered: str
) -> None:
    _take(manual_hub, answered)
    manual_hub.writes(bot, "two")
    manual_hub.work()
    manual_hub.overlaps.bus.before_publish(Topic.REPLIES, _crash)
    _act(manual_hub, answered, "release", status=503)
    assert _answers(manual_hub) == ["Echo: one"]
    manual_hub.tick()
    manual_hub.tick()
    assert _answers(manual_hub) == ["Echo: one", "Echo: two"]


def test_a_crash_after_a_conversation_was_given_back_loses_and_doubles_no_answer(
    manual_hub: ManualHub, bot: str, answered: str
) -> None:
    _take(manual_hub, answered)
    manual_hub.writes(bot, "two")
    manual_hub.work()
    manual_hub.wait(minutes=31)
    manual_hub.overlaps.store.after_commit("conversations", _crash)
    with pytest.raises(StoreError):
        manual_hub.tick()
    assert manual_hub.of(answered).owner is Owner.BOT
    manual_hub.tick()
    assert _answers(manual_hub) == ["Echo: one", "Echo: two"]


def _crash() -> None:
    raise StoreError("the process died")


def test_closing_gives_a_conversation_back(manual_hub: ManualHub, bot: str, answered: str) -> None:
    _take(manual_hub, answered)
    manual_hub.set_status(answered, "CLOSED")
    assert manual_hub.of(answered).owner is Owner.BOT
    manual_hub.writes(bot, "again")
    assert _answers(manual_hub) == ["Echo: one", "Echo: again"]


def test_a_message_typed_on_the_business_phone_takes_the_conversation(manual_hub: ManualHub, whatsapp: str) -> None:
    manual_hub.echo_agent()
    manual_hub.maria_writes(whatsapp, "one")
    manual_hub.work()
    manual_hub.wait(minutes=1)
    by_phone = upsert(written("I am here", fromMe=True))
    assert manual_hub.client.post(f"/webhook/whatsapp/{whatsapp}", json=by_phone).status_code == 200
    manual_hub.work(Topic.INBOUND)
    manual_hub.maria_writes(whatsapp, "two")
    manual_hub.work()
    assert manual_hub.sent_texts("/message/sendText") == ["Echo: one"]
    conversation = manual_hub.conversation()
    assert (conversation.owner, conversation.holder_id) == (Owner.HUMAN, None)
    assert _act(manual_hub, conversation.id, "take")["owner"] == "HUMAN"


def test_an_echo_that_overtakes_the_sending_of_an_answer_is_no_person(manual_hub: ManualHub, whatsapp: str) -> None:
    manual_hub.echo_agent()
    manual_hub.maria_writes(whatsapp, "one")
    echo = upsert(written("Echo: one", fromMe=True, id="ECHO"))

    def overtake(request: Received) -> Reply:
        assert manual_hub.client.post(f"/webhook/whatsapp/{whatsapp}", json=echo).status_code == 200
        manual_hub.work(Topic.INBOUND)
        assert manual_hub.conversation().owner is Owner.HUMAN
        return Reply(201, {"key": echo["data"]["key"], "status": "PENDING"})

    manual_hub.provider.on("POST", "/message/sendText", overtake)
    manual_hub.work()
    assert manual_hub.conversation().owner is Owner.BOT


def test_the_alert_of_a_script_takes_no_conversation(manual_hub: ManualHub, bot: str, answered: str) -> None:
    alert = {"source": "shop", "message": "Your parcel is on its way", "mode": "direct", "target": "5"}
    manual_hub.post("/api/webhook", alert)
    manual_hub.writes(bot, "two")
    assert _answers(manual_hub) == ["Echo: one", "Echo: two"]
    assert manual_hub.of(answered).owner is Owner.BOT


def test_of_two_who_take_at_once_one_has_it_and_the_other_learns_who(
    manual_hub: ManualHub, answered: str, colleague: dict[str, str]
) -> None:
    path = f"/api/conversations/{answered}/take"
    manual_hub.overlaps.store.before_commit("conversations", lambda: _take(manual_hub, answered))
    late = manual_hub.client.post(path, json={}, headers=colleague)
    assert (late.status_code, late.get_json()["detail"]) == (409, "owner@example.com has this conversation")
    assert manual_hub.get(f"/api/conversations/{answered}")["holderId"] == manual_hub.get("/api/auth/me")["user"]["id"]


def test_who_writes_in_a_conversation_of_somebody_else_does_not_take_it(
    manual_hub: ManualHub, answered: str, colleague: dict[str, str]
) -> None:
    _take(manual_hub, answered)
    holder_id = manual_hub.of(answered).holder_id
    body = {"conversationId": answered, "text": "may I?"}
    assert manual_hub.client.post("/api/messages/send", json=body, headers=colleague).status_code == 202
    assert manual_hub.of(answered).holder_id == holder_id


def test_an_answer_that_is_ready_when_a_person_takes_the_conversation_is_not_sent(
    manual_hub: ManualHub, bot: str, answered: str
) -> None:
    manual_hub.writes(bot, "two")
    manual_hub.overlaps.store.before_commit("outbox", lambda: _take(manual_hub, answered))
    assert _answers(manual_hub) == ["Echo: one"]


def test_an_offered_conversation_waits_for_the_person_who_accepts_it_first(
    manual_hub: ManualHub, bot: str, answered: str, colleague: dict[str, str]
) -> None:
    offered = _act(manual_hub, answered, "offer", {"reason": "a refund"})
    assert (offered["owner"], offered["needsHuman"]) == ("NOBODY", True)
    manual_hub.writes(bot, "two")
    assert _answers(manual_hub) == ["Echo: one"]
    notifications = manual_hub.get("/notifications")["notifications"]
    [notification] = [each for each in notifications if each["type"] == "conversation_offered"]
    assert (notification["session_id"], notification["message"]) == (answered, "Support: a refund")
    [event] = [event for event in manual_hub.realtime if event.name == "needs-human"]
    assert (event.payload["reason"], event.payload["conversation"]["id"]) == ("a refund", answered)
    accepted = _act(manual_hub, answered, "accept")
    assert (accepted["owner"], accepted["needsHuman"]) == ("HUMAN", False)
    late = manual_hub.client.post(f"/api/conversations/{answered}/accept", json={}, headers=colleague)
    assert (late.status_code, late.get_json()["detail"]) == (409, "owner@example.com has this conversation")


def test_what_nobody_has_offered_cannot_be_accepted(manual_hub: ManualHub, answered: str) -> None:
    _act(manual_hub, answered, "accept", status=409)


def test_who_has_no_conversation_cannot_offer_that_of_somebody_else(
    manual_hub: ManualHub, answered: str, colleague: dict[str, str]
) -> None:
    _take(manual_hub, answered)
    refused = manual_hub.client.post(f"/api/conversations/{answered}/offer", json={}, headers=colleague)
    assert refused.status_code == 409


def test_a_closed_conversation_cannot_be_taken(manual_hub: ManualHub, answered: str) -> None:
    manual_hub.set_status(answered, "CLOSED")
    _act(manual_hub, answered, "take", status=409)


@pytest.mark.parametrize("minutes", [True, -1, 1.5, "30", 100_000])
def test_a_pause_is_a_whole_number_of_minutes(manual_hub: ManualHub, minutes: object) -> None:
    manual_hub.patch("/api/settings", {"humanPauseMinutes": minutes}, 400)
    assert manual_hub.get("/api/settings")["humanPauseMinutes"] == 30
