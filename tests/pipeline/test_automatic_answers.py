"""What answers by itself: to whom, how often, and when it stops."""

from __future__ import annotations

from typing import Any

import pytest

from shared.domain.conversations import Conversation
from shared.domain.messages import Author, Direction
from tests.evolution import evolution_rules, upsert, written
from tests.pipeline.manual_hub import ManualHub
from tests.pipeline.providers import FACEBOOK_CUSTOMER, PAGE, Facebook

GROUP = -100200
AUTOMATIC = "Thanks for your message, we will call back."
QUESTIONS = ("Where is my parcel?", "Can I change the address?", "When do you open today?", "Is it still on its way?")


@pytest.fixture
def bot(manual_hub: ManualHub) -> str:
    """A bot whose customers get an echo, without a pause between two answers."""
    channel_id = manual_hub.telegram()
    manual_hub.patch(f"/api/channels/{channel_id}", {"config": {"csat": False}})
    manual_hub.echo_agent()
    return channel_id


def _says(hub: ManualHub, channel_id: str, text: str, chat: int = 5) -> None:
    """A customer writes, and everybody has done what is to be done."""
    hub.overlaps.clock.advance(minutes=1)
    update = hub.update(chat, text)
    update["message"]["date"] = int(hub.deps.now().timestamp())
    hub.deliver_update(channel_id, update)
    hub.work()
    hub.overlaps.clock.advance(seconds=10)
    hub.work()


def _tells_group(hub: ManualHub, channel_id: str, number: int, text: str, **fields: Any) -> None:
    message = {
        "message_id": number,
        "date": int(hub.deps.now().timestamp()),
        "chat": {"id": GROUP, "type": "supergroup", "title": "Book club"},
        "from": {"id": 9, "is_bot": False, "first_name": "Mia"},
        "text": text,
    }
    hub.deliver_update(channel_id, {"update_id": 900 + number, "message": message | fields})
    hub.work()
    hub.overlaps.clock.advance(minutes=1)
    hub.work()


def _answers(hub: ManualHub) -> list[str]:
    return [message.text or "" for message in hub.messages(Direction.OUTBOUND) if message.author is Author.BOT]


def _notes(hub: ManualHub) -> list[str]:
    return [message.text or "" for message in hub.messages(Direction.SYSTEM)]


def _only(hub: ManualHub) -> Conversation:
    [conversation] = hub.conversations()
    return conversation


def test_a_machine_that_repeats_itself_gets_three_answers_and_then_a_person(manual_hub: ManualHub, bot: str) -> None:
    for _ in range(6):
        _says(manual_hub, bot, AUTOMATIC)
    assert len(_answers(manual_hub)) == 3
    assert _notes(manual_hub) == [
        "Automatic answers have stopped: the other side repeats itself. A person is to answer."
    ]
    assert _only(manual_hub).needs_human
    assert _only(manual_hub).needs_reply_since
    [notification] = manual_hub.documents("notifications", type="automatic_answers_stopped")
    assert notification["title"] == "A customer needs a human"


def test_a_counter_or_a_time_in_it_makes_a_text_no_other(manual_hub: ManualHub, bot: str) -> None:
    for number in range(5):
        _says(manual_hub, bot, f"Your ticket #{100 + number} was received at 10:0{number}.")
    assert len(_answers(manual_hub)) == 3


def test_two_texts_in_turns_are_nothing_new_either(manual_hub: ManualHub, bot: str) -> None:
    for number in range(8):
        _says(manual_hub, bot, [AUTOMATIC, "We are closed until Monday morning."][number % 2])
    assert len(_answers(manual_hub)) == 4  # both texts were new once


def test_a_person_may_say_yes_as_often_as_they_like(manual_hub: ManualHub, bot: str) -> None:
    for _ in range(6):
        _says(manual_hub, bot, "yes")
    assert len(_answers(manual_hub)) == 6
    assert not _only(manual_hub).needs_human


def test_something_new_is_answered_and_begins_the_count_again(manual_hub: ManualHub, bot: str) -> None:
    for _ in range(3):
        _says(manual_hub, bot, AUTOMATIC)
    _says(manual_hub, bot, "And where is my parcel, please?")
    for _ in range(2):
        _says(manual_hub, bot, AUTOMATIC)
    assert len(_answers(manual_hub)) == 6


def test_an_address_gets_twenty_answers_an_hour_and_more_in_the_next(manual_hub: ManualHub, bot: str) -> None:
    for number in range(22):
        _says(manual_hub, bot, f"{'abcdefghijklmnopqrstuvwxyz'[number] * 20}")
    assert len(_answers(manual_hub)) == 20
    assert _notes(manual_hub) == [
        "Automatic answers have stopped: too many automatic answers within an hour. A person is to answer."
    ]
    manual_hub.overlaps.clock.advance(hours=1)
    _says(manual_hub, bot, "Hello, is anybody there?")
    assert len(_answers(manual_hub)) == 21


def test_the_count_goes_on_in_the_next_conversation(manual_hub: ManualHub, bot: str) -> None:
    manual_hub.patch(f"/api/channels/{bot}", {"config": {"automaticAnswersPerHour": 2, "csat": False}})
    for text in QUESTIONS[:2]:
        _says(manual_hub, bot, text)
    manual_hub.set_status(_only(manual_hub).id, "CLOSED")
    _says(manual_hub, bot, QUESTIONS[2])
    assert len(manual_hub.conversations()) == 2
    assert len(_answers(manual_hub)) == 2


@pytest.mark.parametrize("value", [0, -1, 10_001, 2.5, "many", True])
def test_a_number_of_answers_that_cannot_be_is_refused(manual_hub: ManualHub, bot: str, value: object) -> None:
    manual_hub.patch(f"/api/channels/{bot}", {"config": {"automaticAnswersPerHour": value}}, 400)


def test_in_a_group_machines_answer_only_who_speaks_to_them(manual_hub: ManualHub, bot: str) -> None:
    _tells_group(manual_hub, bot, 1, "who brings the cake?")
    assert _answers(manual_hub) == []
    assert _only(manual_hub).needs_reply_since
    mention = [{"type": "mention", "offset": 3, "length": 8}]
    _tells_group(manual_hub, bot, 2, "🍰 @the_bot bring one", entities=mention)
    assert _answers(manual_hub) == ["Echo: 🍰 @the_bot bring one"]
    sent = manual_hub.provider.to("/sendMessage")[-1]
    assert sent.json["chat_id"] == str(GROUP)
    assert _only(manual_hub).needs_reply_since is None


@pytest.mark.parametrize(
    ("fields", "is_answered"),
    [
        ({"entities": [{"type": "bot_command", "offset": 0, "length": 5}]}, True),
        ({"entities": [{"type": "bot_command", "offset": 0, "length": 13}]}, True),
        (
            {"entities": [{"type": "text_mention", "offset": 0, "length": 2, "user": {"id": 7, "first_name": "B"}}]},
            True,
        ),
        (
            {"entities": [{"type": "text_mention", "offset": 0, "length": 2, "user": {"id": 8, "first_name": "C"}}]},
            False,
        ),
        ({"entities": [{"type": "mention", "offset": 5, "length": 8}]}, True),
        ({"entities": [{"type": "mention", "offset": 5, "length": 99_999_999}]}, False),
    ],
)
def test_who_is_spoken_to_in_a_group(
    manual_hub: ManualHub, bot: str, fields: dict[str, Any], *, is_answered: bool
) -> None:
    _tells_group(manual_hub, bot, 1, "/help@The_bot now", **fields)
    assert bool(_answers(manual_hub)) is is_answered


def test_an_answer_to_what_we_wrote_speaks_to_us(manual_hub: ManualHub, bot: str) -> None:
    _tells_group(manual_hub, bot, 1, "/start", entities=[{"type": "bot_command", "offset": 0, "length": 6}])
    answer = manual_hub.messages(Direction.OUTBOUND)[0]
    [alias] = manual_hub.documents("messages", alias_of=answer.id)
    assert alias
    _tells_group(manual_hub, bot, 2, "thanks", reply_to_message={"message_id": 1000})
    assert _answers(manual_hub)[1:] == ["Echo: thanks"]
    _tells_group(manual_hub, bot, 3, "me too", reply_to_message={"message_id": 2})
    assert len(_answers(manual_hub)) == 2


def test_a_channel_may_have_everything_in_its_groups_answered(manual_hub: ManualHub, bot: str) -> None:
    manual_hub.patch(f"/api/channels/{bot}", {"config": {"groups": "all", "csat": False}})
    _tells_group(manual_hub, bot, 1, "who brings the cake?")
    assert _answers(manual_hub) == ["Echo: who brings the cake?"]
    manual_hub.patch(f"/api/channels/{bot}", {"config": {"groups": "some"}}, 400)


def test_a_channel_may_have_nothing_in_its_groups_answered(manual_hub: ManualHub, bot: str) -> None:
    manual_hub.patch(f"/api/channels/{bot}", {"config": {"groups": False}})
    _tells_group(manual_hub, bot, 1, "/start", entities=[{"type": "bot_command", "offset": 0, "length": 6}])
    assert _answers(manual_hub) == []
    assert _only(manual_hub).needs_reply_since
    _says(manual_hub, bot, "hello")
    assert _answers(manual_hub) == ["Echo: hello"]


def test_what_a_bot_says_or_a_channel_posts_keeps_nobody_waiting(manual_hub: ManualHub, bot: str) -> None:
    robot = {"id": 8001, "is_bot": True, "first_name": "OtherBot", "username": "other_bot"}
    private = {"id": 5, "type": "private", "first_name": "Robot"}
    _tells_group(manual_hub, bot, 1, "Echo: hi", **{"from": robot, "chat": private})
    channel = {"id": -1001700000010, "title": "News", "type": "channel"}
    _tells_group(manual_hub, bot, 2, "Sale starts today!", chat=channel, sender_chat=channel)
    forwarded = {"sender_chat": channel, "is_automatic_forward": True}
    _tells_group(manual_hub, bot, 3, "Sale starts today!", **forwarded)
    assert len(manual_hub.messages(Direction.INBOUND)) == 3
    assert [conversation.needs_reply_since for conversation in manual_hub.conversations()] == [None] * 3
    assert _answers(manual_hub) == []
    for conversation in manual_hub.conversations():
        manual_hub.set_status(conversation.id, "CLOSED")
    manual_hub.work()
    assert manual_hub.provider.to("/sendMessage") == []


def test_an_apps_greeting_neither_ends_the_waiting_nor_silences_the_agent(manual_hub: ManualHub) -> None:
    evolution_rules(manual_hub.provider)
    whatsapp = manual_hub.whatsapp()
    manual_hub.echo_agent()
    now = int(manual_hub.deps.now().timestamp())
    _evolution(manual_hub, whatsapp, _written("Do you deliver?", "A1", now))
    _evolution(manual_hub, whatsapp, _written("Hello! Thanks for writing.", "A2", now, from_me=True))
    manual_hub.work()
    manual_hub.overlaps.clock.advance(seconds=10)
    manual_hub.work()
    assert "Echo: Do you deliver?" in _answers(manual_hub)


@pytest.mark.parametrize(("seconds", "still_waits"), [(0.05, True), (30, False)])
def test_a_pages_greeting_is_told_from_a_persons_answer_by_its_time(
    manual_hub: ManualHub, seconds: float, *, still_waits: bool
) -> None:
    page = Facebook.of(manual_hub)
    page.writes("I want to order")
    at = round((manual_hub.deps.now().timestamp() + seconds) * 1000)
    echo = {"mid": "m_echo", "is_echo": True, "app_id": 263902037430900, "text": "Hi, we will reply soon."}
    page.brings(sender={"id": PAGE}, recipient={"id": FACEBOOK_CUSTOMER}, timestamp=at, message=echo)
    assert bool(_only(manual_hub).needs_reply_since) is still_waits


def test_what_a_person_writes_on_their_own_phone_ends_the_waiting(manual_hub: ManualHub) -> None:
    evolution_rules(manual_hub.provider)
    whatsapp = manual_hub.whatsapp()
    manual_hub.echo_agent()
    now = int(manual_hub.deps.now().timestamp())
    _evolution(manual_hub, whatsapp, _written("Do you deliver?", "A1", now))
    _evolution(manual_hub, whatsapp, _written("Yes, we do.", "A2", now + 5, from_me=True))
    manual_hub.work()
    manual_hub.overlaps.clock.advance(seconds=10)
    manual_hub.work()
    assert _answers(manual_hub) == []
    assert _only(manual_hub).needs_reply_since is None


def _written(text: str, message_id: str, at: int, *, from_me: bool = False) -> dict[str, Any]:
    return written(text, id=message_id, fromMe=from_me) | {"messageTimestamp": at}


def _evolution(hub: ManualHub, channel_id: str, message: dict[str, Any]) -> None:
    answer = hub.client.post(f"/webhook/whatsapp/{channel_id}", json=upsert(message))
    assert answer.status_code == 200, answer.text


def test_rules_apply_with_the_first_message_that_is_routed(manual_hub: ManualHub, bot: str) -> None:
    rule = {"condition": "text contains parcel", "action": "set_priority:high"}
    manual_hub.post("/routing/rules", rule, 201)
    robot = {"id": 5, "is_bot": True, "first_name": "Robot"}
    private = {"id": 5, "type": "private", "first_name": "Robot"}
    _tells_group(manual_hub, bot, 50, "parcel service bot", **{"from": robot, "chat": private})
    assert _only(manual_hub).priority == "normal"
    _says(manual_hub, bot, "where is my parcel?")
    assert _only(manual_hub).priority == "high"
