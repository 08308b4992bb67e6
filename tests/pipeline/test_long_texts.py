"""A text of a person that is longer than what its channel takes."""

from __future__ import annotations

import pytest

from shared.domain.bounds import NAME_CHARACTERS
from shared.domain.messages import Direction
from tests.pipeline.manual_hub import ManualHub
from tests.pipeline.providers import Cloud, Telegram

LINE = "All our lamps come with a warranty of two years."
TEXT = "\n".join([LINE] * 200)
LIMIT = 4096


@pytest.fixture
def session(manual_hub: ManualHub) -> str:
    bot = manual_hub.telegram()
    manual_hub.writes(bot, "tell me everything")
    return manual_hub.conversation().id


def test_it_is_cut_on_lines_and_arrives_whole_and_in_order(manual_hub: ManualHub, session: str) -> None:
    manual_hub.say(session, TEXT)
    manual_hub.work()
    sent = manual_hub.sent_texts()
    assert len(sent) == 3
    assert all(len(text) <= LIMIT for text in sent)
    assert "\n".join(sent) == TEXT
    assert [message.text for message in manual_hub.messages(Direction.OUTBOUND)] == sent


def test_under_an_idempotency_key_all_of_it_is_sent_once(manual_hub: ManualHub, session: str) -> None:
    answers = [manual_hub.say(session, TEXT, key="k1") for _ in range(2)]
    manual_hub.work()
    assert answers[0] == answers[1]
    assert "\n".join(manual_hub.sent_texts()) == TEXT


def test_what_fits_is_one_message(manual_hub: ManualHub, session: str) -> None:
    manual_hub.say(session, "x" * LIMIT)
    manual_hub.work()
    assert manual_hub.sent_texts() == ["x" * LIMIT]


def test_a_question_that_is_too_long_is_refused_with_the_limit(manual_hub: ManualHub) -> None:
    Cloud.of(manual_hub).writes("hello", "16505551240")
    choices = [{"id": "a", "title": "Yes"}]
    body = {"conversationId": manual_hub.conversation().id, "text": TEXT, "choices": choices}
    answer = manual_hub.post("/api/messages/send", body, 400)
    assert str(LIMIT) in answer["detail"]


def test_of_a_customers_name_as_much_is_kept_as_people_read(manual_hub: ManualHub) -> None:
    name = "Ann" * NAME_CHARACTERS
    update = manual_hub.update(5, "hello")
    for place in ("chat", "from"):
        update["message"][place]["first_name"] = name
    Telegram.of(manual_hub).brings(update)
    assert manual_hub.conversation().customer_name == name[:NAME_CHARACTERS]
