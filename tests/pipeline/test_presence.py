"""What a customer sees of the business while nothing is sent: read marks, and that somebody is writing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from shared.usecases.conversations import presence
from tests.evolution import MARIA, evolution_rules
from tests.pipeline.manual_hub import ManualHub
from tests.pipeline.models import CHAT, OpenHub, says
from tests.stubs import Reply

READ, TYPING = "/chat/markMessageAsRead", "/chat/sendPresence"
ACTION = "/sendChatAction"


@pytest.fixture
def account(manual_hub: ManualHub) -> str:
    """A WhatsApp account that shows what was read, to which Maria has written twice."""
    evolution_rules(manual_hub.provider)
    manual_hub.provider.on("POST", READ, Reply(201, {"read": "success"}))
    manual_hub.provider.on("POST", TYPING, Reply(201, {"presence": "composing"}))
    channel_id = manual_hub.whatsapp(read_marks=True)
    manual_hub.maria_writes(channel_id, "hello", "anybody there?")
    return channel_id


def _read(hub: ManualHub) -> bool:
    answer = hub.post(f"/api/conversations/{hub.conversation().id}/read", {})
    hub.work()
    return bool(answer["marked"])


def _marked(hub: ManualHub) -> list[list[dict[str, Any]]]:
    return [request.json["readMessages"] for request in hub.provider.to(READ)]


def test_what_a_person_has_read_is_marked_once(manual_hub: ManualHub, account: str) -> None:
    assert _read(manual_hub) is True
    assert _read(manual_hub) is False
    ids = [message.external_message_id for message in manual_hub.messages()]
    assert _marked(manual_hub) == [[{"remoteJid": MARIA, "fromMe": False, "id": each} for each in ids]]
    manual_hub.wait(seconds=1)
    manual_hub.maria_writes(account, "one more thing")
    assert _read(manual_hub) is True
    assert len(_marked(manual_hub)[1]) == 3


@pytest.mark.parametrize(("newest_read", "unread"), [(0, 1), (1, 0)], ids=["the first", "the last"])
def test_what_came_after_what_was_read_stays_unread(
    manual_hub: ManualHub, account: str, newest_read: int, unread: int
) -> None:
    conversation, message = manual_hub.conversation(), manual_hub.messages()[newest_read]
    reading = presence.mark_read(manual_hub.deps, conversation.tenant_id, conversation.id, message.id)
    conversation = manual_hub.conversation()
    assert (reading.unread_count, conversation.unread_count, conversation.is_unread) == (unread, unread, unread > 0)


def test_what_was_answered_needs_no_mark(manual_hub: ManualHub, account: str) -> None:
    manual_hub.say(manual_hub.conversation().id, "yes")
    assert _read(manual_hub) is False


def test_nothing_is_marked_where_the_channel_is_not_set_to(manual_hub: ManualHub, account: str) -> None:
    manual_hub.patch(f"/api/channels/{account}", {"config": {"read_marks": False}})
    session = manual_hub.conversation().id
    assert manual_hub.post(f"/sessions/{session}/read", {}) == {"marked": False}
    manual_hub.work()
    assert _marked(manual_hub) == []


def test_a_mark_that_the_provider_refuses_bothers_nobody(manual_hub: ManualHub, account: str) -> None:
    manual_hub.provider.on("POST", READ, Reply(400, {"response": {"message": ["no"]}}))
    assert _read(manual_hub) is True
    assert manual_hub.documents("notifications", type="message_dead") == []
    manual_hub.wait(seconds=1)
    manual_hub.say(manual_hub.conversation().id, "yes")
    manual_hub.work()
    assert manual_hub.messages()[-1].status == "sent"


def test_a_mark_is_tried_again_as_a_message_is(manual_hub: ManualHub, account: str) -> None:
    manual_hub.provider.on("POST", READ, Reply(503), times=1)
    _read(manual_hub)
    manual_hub.wait(seconds=120)
    manual_hub.tick()
    assert len(_marked(manual_hub)) == 2


@pytest.mark.parametrize("path", ["/api/conversations/{}/typing", "/sessions/{}/typing"])
def test_that_a_person_writes_is_shown_and_stored_nowhere(manual_hub: ManualHub, account: str, path: str) -> None:
    before = manual_hub.documents("outbox")
    assert manual_hub.post(path.format(manual_hub.conversation().id), {}) == {"visible": True}
    [request] = manual_hub.provider.to(TYPING)
    assert (request.json["number"], request.json["presence"]) == (MARIA.partition("@")[0], "composing")
    assert manual_hub.documents("outbox") == before


def test_a_page_that_tells_of_every_key_asks_the_provider_a_few_times_a_minute(
    manual_hub: ManualHub, account: str
) -> None:
    path = f"/api/conversations/{manual_hub.conversation().id}/typing"
    assert all(manual_hub.post(path, {}) == {"visible": True} for _ in range(50))
    assert 20 <= len(manual_hub.provider.to(TYPING)) <= 25


@pytest.mark.parametrize("failure", [Reply(500), Reply(400, {"error": "no"}), Reply(drop=True)])
def test_where_it_cannot_be_shown_nothing_is_tried_again(manual_hub: ManualHub, account: str, failure: Reply) -> None:
    manual_hub.provider.on("POST", TYPING, failure)
    session = manual_hub.conversation().id
    assert manual_hub.post(f"/api/conversations/{session}/typing", {}) == {"visible": False}
    manual_hub.wait(minutes=5)
    manual_hub.tick()
    assert len(manual_hub.provider.to(TYPING)) == 1


def test_strangers_mark_and_show_nothing(manual_hub: ManualHub, account: str) -> None:
    session = manual_hub.conversation().id
    manual_hub.register("eve@example.com")
    for action in ("read", "typing"):
        manual_hub.post(f"/api/conversations/{session}/{action}", {}, 404)
        manual_hub.post(f"/sessions/{session}/{action}", {}, 404)


def test_a_customer_sees_that_an_agent_thinks(open_hub: OpenHub) -> None:
    with open_hub() as hub:
        hub.provider.on("POST", ACTION, Reply(json={"ok": True, "result": True}))
        slow = says("Here it is")
        hub.provider.on("POST", CHAT, replace(slow, delay=1.5))
        hub.customer_writes(hub.telegram(), "Where is my order?")
        hub.work()
        [action] = hub.provider.to(ACTION)
        assert action.json == {"chat_id": "5", "action": "typing"}
        order = [request.path.rpartition("/")[2] for request in hub.provider.requests]
        assert order.index("sendChatAction") < order.index("sendMessage")


def test_a_quick_answer_is_not_announced(open_hub: OpenHub) -> None:
    with open_hub() as hub:
        hub.customer_writes(hub.telegram(), "Where is my order?")
        hub.work()
        assert hub.sent_texts() == ["A cat."]
        assert hub.provider.to(ACTION) == []


def test_colleagues_are_told_who_writes_and_not_with_every_key(manual_hub: ManualHub, session: str) -> None:
    manual_hub.new_realtime_events()
    for _ in range(30):
        manual_hub.post(f"/api/conversations/{session}/typing", {})
    assert manual_hub.new_realtime_events() == ["typing"] * 20
