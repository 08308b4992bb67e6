"""What others do while an answer is being made, and in the last moment before it is accepted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from shared.domain.events import ReplyEvent, Topic
from shared.domain.messages import Direction
from shared.errors import HubError
from shared.usecases.replies.replies import reply
from tests.evolution import MARIA, answered_shop, evolution_rules, upsert, written
from tests.pipeline.manual_hub import PHONE, ManualHub
from tests.stubs import Received, Reply

RUN = "/api/v1/agent/support/run"
SEND = "/message/sendText"

Meanwhile = Callable[[ManualHub, Callable[[], object]], None]
"""Has something happen in the middle of an answer."""


def _while_the_agent_is_thinking(hub: ManualHub, happening: Callable[[], object]) -> None:
    def agent(request: Received) -> Reply:
        happening()
        return _repeated(request)

    hub.provider.on("POST", RUN, agent, times=1)


def _in_the_last_moment(hub: ManualHub, happening: Callable[[], object]) -> None:
    hub.overlaps.store.before_commit("outbox", happening)


BOTH_TIMES = pytest.mark.parametrize("meanwhile", [_while_the_agent_is_thinking, _in_the_last_moment])


def _repeated(request: Received) -> Reply:
    return Reply(json={"message": "re: " + request.json["message_content"].replace("\n", " ")})


@pytest.fixture
def shop(manual_hub: ManualHub) -> ManualHub:
    """A hub with a WhatsApp instance, where an external agent repeats what customers write."""
    evolution_rules(manual_hub.provider)
    manual_hub.provider.on("POST", RUN, _repeated)
    manual_hub.post(
        "/api/v1/instances",
        answered_shop(manual_hub.provider.url, config={"csat": False, "replies_per_second": 0}),
        201,
    )
    return manual_hub


def _maria_writes(hub: ManualHub, *texts: str) -> None:
    """Store Maria's messages, without a reply yet."""
    for text in texts:
        answer = hub.client.post("/webhook/evolution/shop", json=upsert(written(text)))
        assert answer.status_code == 200, answer.text
    hub.work(Topic.INBOUND)


def _change(hub: ManualHub, **changes: Any) -> Callable[[], object]:
    return lambda: hub.patch(f"/api/conversations/{hub.conversation().id}", changes)


def _person_says(hub: ManualHub, text: str) -> Callable[[], object]:
    body = {"conversationId": hub.conversation().id, "text": text}
    return lambda: hub.post("/api/messages/send", body, 202)


@BOTH_TIMES
def test_who_is_assigned_meanwhile_silences_the_machine(shop: ManualHub, meanwhile: Meanwhile) -> None:
    _maria_writes(shop, "help")
    waiting_since = shop.conversation().needs_reply_since
    meanwhile(shop, _change(shop, assigneeId="ann"))
    shop.work()
    assert shop.messages(Direction.OUTBOUND) == []
    assert shop.conversation().needs_reply_since == waiting_since is not None


@BOTH_TIMES
def test_who_answers_meanwhile_silences_the_machine(shop: ManualHub, meanwhile: Meanwhile) -> None:
    _maria_writes(shop, "help")
    meanwhile(shop, _person_says(shop, "I am here"))
    shop.work()
    assert shop.sent_texts(SEND) == ["I am here"]


@BOTH_TIMES
def test_a_person_who_answers_from_the_account_itself_silences_the_machine(
    shop: ManualHub, meanwhile: Meanwhile
) -> None:
    _maria_writes(shop, "help")

    def answers_by_phone() -> None:
        shop.client.post("/webhook/evolution/shop", json=upsert(written("by phone", fromMe=True)))
        shop.work(Topic.INBOUND)

    meanwhile(shop, answers_by_phone)
    shop.work()
    assert shop.sent_texts(SEND) == []
    assert [message.text for message in shop.messages(Direction.OUTBOUND)] == ["by phone"]


@BOTH_TIMES
def test_a_conversation_that_is_closed_meanwhile_is_not_answered_and_stays_closed(
    shop: ManualHub, meanwhile: Meanwhile
) -> None:
    _maria_writes(shop, "help")
    meanwhile(shop, _change(shop, status="CLOSED"))
    shop.work()
    assert shop.sent_texts(SEND) == []
    assert shop.conversation().status == "closed"


@BOTH_TIMES
def test_what_is_changed_meanwhile_stays_changed_and_the_answer_is_given_once(
    shop: ManualHub, meanwhile: Meanwhile
) -> None:
    _maria_writes(shop, "help")
    meanwhile(shop, _change(shop, priority="URGENT"))
    shop.work()
    assert shop.sent_texts(SEND) == ["re: help"]
    assert shop.conversation().priority == "urgent"


@BOTH_TIMES
def test_what_the_customer_writes_meanwhile_is_all_answered_next(shop: ManualHub, meanwhile: Meanwhile) -> None:
    _maria_writes(shop, "one")
    meanwhile(shop, lambda: _maria_writes(shop, "two", "three"))
    shop.work()
    assert shop.sent_texts(SEND) == ["re: one", "re: two three"]
    assert shop.conversation().needs_reply_since is None


def test_who_writes_while_the_agent_decides_to_say_nothing_waits_from_then_on(shop: ManualHub) -> None:
    shop.provider.on("POST", RUN, Reply(json={"message": ""}))
    _maria_writes(shop, "one")
    shop.overlaps.store.before_commit("conversations", lambda: _maria_writes(shop, "two"))
    shop.work()
    assert [request.json["message_content"] for request in shop.provider.to(RUN)] == ["one", "two"]
    assert shop.conversation().needs_reply_since is None


def test_who_is_assigned_when_the_agent_has_nothing_to_say_finds_a_customer_who_waits(shop: ManualHub) -> None:
    shop.provider.on("POST", RUN, Reply(json={"message": ""}))
    _maria_writes(shop, "one")
    shop.overlaps.store.before_commit("conversations", _change(shop, assigneeId="ann"))
    shop.work()
    assert shop.conversation().needs_reply_since is not None


@BOTH_TIMES
def test_two_workers_with_the_same_event_give_one_answer(shop: ManualHub, meanwhile: Meanwhile) -> None:
    _maria_writes(shop, "help")
    message = shop.messages()[0]
    event = ReplyEvent(tenant_id=shop.tenant_id, conversation_id=message.conversation_id, message_id=message.id)
    meanwhile(shop, lambda: reply(shop.deps, event))
    shop.work()
    assert shop.sent_texts(SEND) == ["re: help"]
    assert [answer.text for answer in shop.messages(Direction.OUTBOUND)] == ["re: help"]


def _moved_to_whatsapp(hub: ManualHub, **transfer: str) -> Callable[[], object]:
    body = {"from_channel": "telegram_bot", "to_channel": "whatsapp", **transfer}
    return lambda: hub.post(f"/sessions/{hub.conversation().id}/transfer", body)


@pytest.fixture
def chat(shop: ManualHub) -> ManualHub:
    """A customer of whom the phone number is known has written to a Telegram bot, where an agent answers."""
    shop.echo_agent()
    shop.writes(shop.telegram(), "help")
    shop.put(f"/customers/{shop.conversation().customer_id}/profile", {"phone": PHONE})
    return shop


def test_an_answer_goes_where_the_conversation_was_moved_to_meanwhile(chat: ManualHub) -> None:
    chat.overlaps.store.before_commit("outbox", _moved_to_whatsapp(chat))
    chat.work()
    assert chat.sent_texts() == []
    assert [(sent.json["number"], sent.json["text"]) for sent in chat.provider.to(SEND)] == [(PHONE, "Echo: help")]
    [answer] = chat.messages(Direction.OUTBOUND)
    assert answer.instance_id == chat.conversation().instance_id
    assert chat.conversation().needs_reply_since is None


def test_who_takes_the_conversation_to_another_channel_answers_it_there(chat: ManualHub) -> None:
    chat.overlaps.store.before_commit("outbox", _moved_to_whatsapp(chat, agent_id="ann"))
    chat.work()
    assert chat.messages(Direction.OUTBOUND) == []
    assert chat.conversation().needs_reply_since is not None


def test_an_answer_that_was_accepted_before_the_move_goes_out_where_it_was_meant_to(chat: ManualHub) -> None:
    chat.work(Topic.REPLIES)
    _moved_to_whatsapp(chat)()
    chat.work()
    assert chat.sent_texts() == ["Echo: help"]
    assert chat.provider.to(SEND) == []


def _fails(hub: ManualHub, tries: int) -> None:
    hub.provider.on("POST", RUN, Reply(500))
    for _ in range(tries):
        with pytest.raises(HubError):
            hub.work()


def _notices(hub: ManualHub) -> list[dict[str, Any]]:
    return hub.documents("notifications", type="agent_failed")


@pytest.mark.parametrize("taking_over", ["assigned", "answered", "closed"])
@pytest.mark.parametrize("late", [False, True], ids=["while it is asked", "in the last moment"])
def test_nobody_is_called_for_who_took_over_while_the_agent_was_failing(
    shop: ManualHub, taking_over: str, late: bool
) -> None:
    _maria_writes(shop, "help")
    _fails(shop, 3)
    takes_over = {
        "assigned": _change(shop, assigneeId="ann"),
        "answered": _person_says(shop, "I am here"),
        "closed": _change(shop, status="CLOSED"),
    }[taking_over]

    def agent(request: Received) -> Reply:
        takes_over()
        return Reply(500)

    if late:
        shop.overlaps.store.before_commit("conversations", takes_over)
    else:
        shop.provider.on("POST", RUN, agent)
    shop.work()
    assert (shop.conversation().needs_human, _notices(shop)) == (False, [])


def test_a_human_is_called_though_the_conversation_was_changed_meanwhile(shop: ManualHub) -> None:
    _maria_writes(shop, "help")
    _fails(shop, 3)
    shop.overlaps.store.before_commit("conversations", _change(shop, priority="HIGH"))
    shop.work()
    conversation = shop.conversation()
    assert (conversation.needs_human, conversation.priority, len(_notices(shop))) == (True, "high", 1)


def test_each_message_that_nobody_can_answer_calls_a_human_once(shop: ManualHub) -> None:
    for number, text in enumerate(("help", "anybody?"), 1):
        _maria_writes(shop, text)
        _fails(shop, 3)
        shop.work()
        latest = [each.event for each in shop.overlaps.bus.published if each.topic is Topic.REPLIES][-1]
        assert isinstance(latest, ReplyEvent)
        reply(shop.deps, latest.model_copy(update={"attempt": 4}))
        assert len(_notices(shop)) == number


def test_an_event_of_another_tenant_answers_nobody(shop: ManualHub) -> None:
    _maria_writes(shop, "help")
    message = shop.messages()[0]
    foreign = ReplyEvent(tenant_id="another", conversation_id=message.conversation_id, message_id=message.id)
    reply(shop.deps, foreign)
    assert shop.provider.to(RUN) == []


def test_who_never_stops_typing_is_answered_after_ten_pauses(shop: ManualHub) -> None:
    _maria_writes(shop, "one")
    first = next(each.event for each in shop.overlaps.bus.published if each.topic is Topic.REPLIES)
    _maria_writes(shop, "two")
    assert isinstance(first, ReplyEvent)
    reply(shop.deps, first)
    assert shop.provider.to(RUN) == []
    shop.overlaps.clock.advance(seconds=shop.deps.settings.reply_debounce_seconds * 10 + 2)
    reply(shop.deps, first)
    assert [request.json["message_content"] for request in shop.provider.to(RUN)] == ["one\ntwo"]
    shop.work()
    assert shop.sent_texts(SEND) == ["re: one two"]


def test_an_agent_is_not_even_asked_about_a_conversation_that_a_person_has(shop: ManualHub) -> None:
    _maria_writes(shop, "help")
    _change(shop, assigneeId="ann")()
    shop.work()
    assert shop.provider.to(RUN) == []


def test_a_burst_of_another_customer_is_nobody_elses(shop: ManualHub) -> None:
    _maria_writes(shop, "one")
    other = f"55{'9' * 11}@s.whatsapp.net"
    answer = shop.client.post("/webhook/evolution/shop", json=upsert(written("two", remoteJid=other)))
    assert answer.status_code == 200
    shop.work()
    sent_texts = {sent.json["number"]: sent.json["text"] for sent in shop.provider.to(SEND)}
    assert sent_texts == {MARIA.split("@")[0]: "re: one", other.split("@")[0]: "re: two"}
