"""Satisfaction surveys: asking the customer for a rating and storing the answer."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from shared.domain.conversations import Conversation, ConversationStatus
from shared.domain.events import InboundEvent, Topic
from shared.domain.messages import Direction
from shared.domain.ratings import SURVEY_TEXT
from shared.usecases.ingest.normalize import normalize
from tests.eventually import eventually
from tests.evolution import evolution_rules, upsert, written
from tests.pipeline.hub import Hub
from tests.pipeline.manual_hub import ManualHub


def _resolved(hub: Hub, text: str = "hello") -> tuple[str, Conversation]:
    """A channel whose only conversation was resolved, after the customer wrote once."""
    channel_id = hub.telegram()
    hub.customer_writes(channel_id, text)
    conversation = hub.conversation()
    hub.patch(f"/api/conversations/{conversation.id}", {"status": "CLOSED"})
    return channel_id, conversation


def _ratings(hub: Hub) -> list[tuple[str, int]]:
    return [(data["id"], data["score"]) for data in hub.documents("ratings", tenant_id=hub.tenant_id)]


def _configure(hub: Hub, channel_id: str, **config: Any) -> None:
    hub.patch(f"/api/channels/{channel_id}", {"config": config})


def test_an_answer_rates_the_resolved_conversation_and_begins_nothing(hub: Hub) -> None:
    hub.echo_agent()
    channel_id, conversation = _resolved(hub)
    eventually(lambda: SURVEY_TEXT in hub.sent_texts() and hub.idle())
    hub.customer_writes(channel_id, " 5 ")
    assert eventually(lambda: _ratings(hub)) == [(conversation.id, 5)]
    hub.customer_writes(channel_id, "marker", chat=9)
    eventually(lambda: "Echo: marker" in hub.sent_texts())
    by_chat = {each.external_user_id: each for each in hub.conversations()}
    assert by_chat["5"].id == conversation.id
    assert by_chat["5"].status is ConversationStatus.CLOSED
    assert "Echo: 5" not in hub.sent_texts()
    inbound = [message for message in hub.messages(Direction.INBOUND) if message.conversation_id == conversation.id]
    assert [message.text for message in inbound] == ["hello", " 5 "]
    satisfaction = hub.get("/analytics/customer-satisfaction")
    assert (satisfaction["overallScore"], satisfaction["totalResponses"], satisfaction["byChannel"]) == (
        5.0,
        1,
        {"telegram_bot": 5.0},
    )
    assert hub.get("/analytics/dashboard")["satisfactionScore"] == 5.0


def test_who_closes_may_have_the_customer_not_asked(hub: Hub) -> None:
    hub.customer_writes(hub.telegram(), "hello")
    path = f"/api/conversations/{hub.conversation().id}"
    hub.patch(path, {"status": "CLOSED", "askRating": False})
    hub.patch(path, {"status": "OPEN"})
    eventually(hub.idle)
    assert SURVEY_TEXT not in hub.sent_texts()
    hub.patch(path, {"status": "CLOSED"})
    eventually(lambda: SURVEY_TEXT in hub.sent_texts())


def test_only_the_first_answer_is_a_rating(hub: Hub) -> None:
    channel_id, conversation = _resolved(hub)
    hub.customer_writes(channel_id, "2")
    eventually(lambda: _ratings(hub))
    hub.customer_writes(channel_id, "5")
    eventually(lambda: len(hub.conversations()) == 2)
    assert _ratings(hub) == [(conversation.id, 2)]


@pytest.mark.parametrize("text", ["6", "0", "5 of 5", "thanks", "55"])
def test_anything_else_begins_a_conversation_and_ends_the_survey(hub: Hub, text: str) -> None:
    channel_id, _ = _resolved(hub)
    hub.customer_writes(channel_id, text)
    eventually(lambda: len(hub.conversations()) == 2)
    hub.customer_writes(channel_id, "5")
    eventually(lambda: len(hub.messages(Direction.INBOUND)) == 3)
    assert (_ratings(hub), len(hub.conversations())) == ([], 2)


def test_after_a_day_a_number_is_a_message_like_any_other(hub: Hub) -> None:
    channel_id, _ = _resolved(hub)
    late = hub.deps.now() + timedelta(hours=25)
    event = InboundEvent(
        tenant_id=hub.tenant_id,
        instance_id=channel_id,
        channel="telegram_bot",
        payload=hub.update(5, "5"),
        received_at=late,
    )
    normalize(dataclasses.replace(hub.deps, now=lambda: late), event)
    assert (_ratings(hub), len(hub.conversations())) == ([], 2)


def test_the_same_answer_delivered_again_changes_nothing(hub: Hub) -> None:
    channel_id, _ = _resolved(hub)
    update = hub.update(5, "4")
    hub.deliver_update(channel_id, update)
    eventually(lambda: _ratings(hub))
    hub.deliver_update(channel_id, update)
    hub.customer_writes(channel_id, "marker", chat=9)
    eventually(lambda: len(hub.conversations()) == 2)
    assert hub.get("/analytics/customer-satisfaction")["totalResponses"] == 1


def test_the_question_can_be_changed_and_turned_off(hub: Hub) -> None:
    channel_id = hub.telegram()
    _configure(hub, channel_id, csat_text="Happy? 1-5")
    hub.customer_writes(channel_id, "one", chat=1)
    first = hub.conversation()
    hub.patch(f"/api/conversations/{first.id}", {"status": "CLOSED"})
    eventually(hub.sent_texts)
    _configure(hub, channel_id, csat=False)
    hub.customer_writes(channel_id, "two", chat=2)
    eventually(lambda: len(hub.conversations()) == 2)
    [second] = [each for each in hub.conversations() if each.id != first.id]
    hub.patch(f"/api/conversations/{second.id}", {"status": "CLOSED"})
    hub.customer_writes(channel_id, "5", chat=2)
    eventually(lambda: len(hub.conversations()) == 3)
    assert hub.sent_texts() == ["Happy? 1-5"]


def test_who_never_wrote_is_not_asked(hub: Hub) -> None:
    channel_id = hub.telegram()
    hub.post("/api/messages/send", {"channelInstanceId": channel_id, "externalUserId": "5", "text": "hi"}, 202)
    hub.patch(f"/api/conversations/{hub.conversation().id}", {"status": "CLOSED"})
    eventually(hub.idle)
    assert hub.sent_texts() == ["hi"]


def test_nobody_is_asked_twice_about_the_same_message(hub: Hub) -> None:
    _, conversation = _resolved(hub)
    for status in ("OPEN", "CLOSED"):
        hub.patch(f"/api/conversations/{conversation.id}", {"status": status})
    eventually(hub.idle)
    assert hub.sent_texts() == [SURVEY_TEXT]


def test_the_resolution_rate_counts_what_stays_resolved(hub: Hub) -> None:
    channel_id, conversation = _resolved(hub)
    hub.customer_writes(channel_id, "hello", chat=9)
    eventually(lambda: len(hub.conversations()) == 2)

    def rate() -> float:
        performance = hub.get("/analytics/channel-performance?channel=telegram_bot")
        return float(performance["metrics"]["resolutionRate"])

    assert rate() == 50.0
    hub.patch(f"/api/conversations/{conversation.id}", {"status": "OPEN"})
    assert rate() == 0.0
    hub.patch(f"/api/conversations/{conversation.id}", {"status": "CLOSED"})
    assert rate() == 50.0


def test_the_question_does_not_count_as_an_answer(hub: Hub) -> None:
    _resolved(hub)
    eventually(hub.idle)
    assert hub.get("/analytics/dashboard")["responseTime"] == 0
    assert sum(data.get("replies", 0) for data in hub.documents("stats", tenant_id=hub.tenant_id)) == 0


def test_the_answer_to_a_survey_is_the_customers_latest_message(manual_hub: ManualHub) -> None:
    """It opens the window in which some providers let the business write."""
    bot = manual_hub.telegram()
    manual_hub.writes(bot, "hello")
    manual_hub.set_status(manual_hub.conversation().id, "CLOSED")
    manual_hub.overlaps.clock.advance(hours=2)
    manual_hub.writes(bot, "5")
    [identity] = manual_hub.documents("identities", tenant_id=manual_hub.tenant_id)
    assert identity["last_inbound_at"] == manual_hub.arrival("5")
    assert manual_hub.conversation().needs_reply_since is None


def test_a_number_after_another_conversation_answers_no_survey_any_more(manual_hub: ManualHub) -> None:
    bot = manual_hub.telegram()
    manual_hub.writes(bot, "hello")
    manual_hub.set_status(manual_hub.conversation().id, "CLOSED")
    manual_hub.patch(f"/api/channels/{bot}", {"config": {"csat": False}})
    manual_hub.writes(bot, "thanks")
    for conversation in manual_hub.conversations():
        manual_hub.set_status(conversation.id, "CLOSED")
    manual_hub.writes(bot, "5")
    assert manual_hub.documents("ratings") == []
    assert [each.status for each in manual_hub.conversations()].count(ConversationStatus.OPEN) == 1


def _a_photo_with_a_caption(hub: ManualHub, channel_id: str) -> None:
    update = hub.update(5, "")
    del update["message"]["text"]
    photo = {"file_id": "f1", "file_unique_id": "u1", "width": 90, "height": 90, "file_size": 900}
    update["message"] |= {"photo": [photo], "caption": "5"}
    hub.deliver_update(channel_id, update)
    hub.work(Topic.INBOUND)


def _a_sticker(hub: ManualHub, channel_id: str) -> None:
    update = hub.update(5, "")
    del update["message"]["text"]
    sticker = {"file_id": "f1", "file_unique_id": "u1", "width": 90, "height": 90, "type": "regular", "emoji": "5"}
    update["message"] |= {"sticker": sticker | {"is_animated": False, "is_video": False}}
    hub.deliver_update(channel_id, update)
    hub.work(Topic.INBOUND)


@pytest.mark.parametrize("sends", [_a_photo_with_a_caption, _a_sticker])
def test_only_a_text_answers_a_survey(manual_hub: ManualHub, sends: Callable[[ManualHub, str], None]) -> None:
    bot = manual_hub.telegram()
    manual_hub.writes(bot, "hello")
    manual_hub.set_status(manual_hub.conversation().id, "CLOSED")
    sends(manual_hub, bot)
    assert (manual_hub.documents("ratings"), len(manual_hub.conversations())) == ([], 2)


def test_what_the_business_writes_on_its_own_telephone_answers_no_survey(manual_hub: ManualHub) -> None:
    evolution_rules(manual_hub.provider)
    whatsapp = manual_hub.whatsapp()
    manual_hub.maria_writes(whatsapp, "hello")
    manual_hub.set_status(manual_hub.conversation().id, "CLOSED")
    answer = manual_hub.client.post(f"/webhook/whatsapp/{whatsapp}", json=upsert(written("5", fromMe=True)))
    assert answer.status_code == 200
    manual_hub.work(Topic.INBOUND)
    assert manual_hub.documents("ratings") == []
