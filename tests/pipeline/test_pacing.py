"""Sending obeys the channel's pace and the provider's `Retry-After`; waiting messages stay in the outbox."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.deps import Deps
from shared.domain.events import Topic
from shared.ports.store import Merge
from shared.usecases.sweep import sweep
from tests import refs
from tests.eventually import eventually
from tests.evolution import evolution_rules, upsert, written
from tests.pipeline.hub import Hub
from tests.pipeline.manual_hub import ManualHub, manual_hub_of
from tests.pipeline.sending import accepted, fate, work
from tests.stubs import Reply, Stub

SEND = "/sendMessage"


def bot(hub: Hub, **config: Any) -> str:
    body = {"name": "Support", "type": "TELEGRAM_BOT", "config": {"botToken": "7:token"} | config}
    return str(hub.post("/api/channels", body, 201)["id"])


def send(hub: Hub, channel_id: str, chat: int, text: str) -> str:
    body = {"channelInstanceId": channel_id, "externalUserId": str(chat), "text": text}
    return str(hub.post("/api/messages/send", body, 202)["message"]["id"])


def item(hub: Hub, message_id: str) -> dict[str, Any]:
    return hub.documents("outbox", id=message_id)[0]


def waiting(hub: Hub) -> list[dict[str, Any]]:
    """What was told when its turn is."""
    return [each for each in hub.documents("outbox", open=True) if each["next_retry_at"]]


def test_burst_on_a_slow_channel_waits_in_the_outbox_and_starves_no_other(hub: Hub) -> None:
    slow, fast = bot(hub, pace_per_second=0.01), bot(hub)
    messages = [send(hub, slow, chat, "slow") for chat in range(1, 51)]
    eventually(lambda: len(waiting(hub)) == 49)
    for chat in range(1, 11):
        send(hub, fast, chat, "fast")
    eventually(lambda: hub.sent_texts().count("fast") == 10)
    assert hub.sent_texts().count("slow") == 1
    items = [item(hub, message) for message in messages]
    assert sorted(each["status"] for each in items) == ["PENDING"] * 49 + ["SENT"]
    assert sum(each["attempts"] for each in items) == 1
    turns = sorted(each["next_retry_at"] for each in items if each["open"])
    assert all(each["due_at"] == each["next_retry_at"] for each in items if each["open"])
    assert turns[-1] - turns[0] > timedelta(seconds=4000)


def test_a_waiting_message_is_sent_in_its_turn_with_one_attempt(hub: Hub) -> None:
    channel_id = bot(hub, pace_per_second=4)
    messages = [send(hub, channel_id, chat, f"to {chat}") for chat in range(1, 9)]
    eventually(hub.idle)
    assert sorted(hub.sent_texts()) == sorted(f"to {chat}" for chat in range(1, 9))
    assert [item(hub, message)["attempts"] for message in messages] == [1] * 8


def test_order_within_a_conversation_stays(hub: Hub) -> None:
    channel_id = bot(hub, pacePerSecond=5)
    for n in range(10):
        send(hub, channel_id, 1, f"{n}")
    eventually(hub.idle)
    assert hub.sent_texts() == [f"{n}" for n in range(10)]


def test_retry_after_rests_the_whole_account_and_no_other(hub: Hub) -> None:
    tired, other = bot(hub), bot(hub)
    refusal = {"ok": False, "error_code": 429, "description": "Too Many Requests", "parameters": {"retry_after": 600}}
    hub.provider.on("POST", SEND, Reply(429, refusal), times=1)
    first = send(hub, tired, 1, "first")
    eventually(lambda: item(hub, first)["status"] == "FAILED")
    second = send(hub, tired, 2, "second")
    eventually(lambda: item(hub, second)["next_retry_at"])
    assert (item(hub, second)["status"], item(hub, second)["attempts"]) == ("PENDING", 0)
    assert item(hub, second)["next_retry_at"] > hub.deps.now() + timedelta(seconds=500)
    third = send(hub, other, 3, "third")
    eventually(lambda: item(hub, third)["status"] == "SENT")
    assert hub.sent_texts() == ["first", "third"]


def test_turn_that_a_lost_wake_up_let_pass_is_found_by_its_time(hub: Hub) -> None:
    channel_id = bot(hub, pace_per_second=0.001)
    send(hub, channel_id, 1, "first")
    eventually(hub.idle)
    second = send(hub, channel_id, 2, "second")
    eventually(lambda: item(hub, second)["next_retry_at"])
    past = hub.deps.now() - timedelta(seconds=1)
    hub.deps.store.commit([Merge(refs.outbox(second), {"next_retry_at": past, "due_at": past})])
    assert sweep(hub.deps)["overdue"] == 1
    eventually(lambda: item(hub, second)["next_retry_at"] > past)
    assert hub.sent_texts() == ["first"]


def test_each_chat_is_sent_so_many_messages_in_one_moment(manual_hub: ManualHub) -> None:
    channel_id = bot(manual_hub)
    conversations = {accepted(manual_hub, channel_id, f"{n}", chat)[1] for chat in (1, 2) for n in range(7)}
    moment = manual_hub.deps.now()
    for conversation in conversations:
        work(manual_hub, conversation, replace(manual_hub.deps, now=lambda: moment))
    assert Counter(str(request.json["chat_id"]) for request in manual_hub.provider.to(SEND)) == {"1": 5, "2": 5}


def test_channel_without_a_limit_is_not_slowed_down(hub: Hub) -> None:
    channel_id = bot(hub, pace_per_second=0)
    for chat in range(1, 61):
        send(hub, channel_id, chat, "x")
    eventually(hub.idle)
    assert waiting(hub) == []
    assert all(each["next_retry_at"] is None and each["attempts"] == 1 for each in hub.documents("outbox"))


def shop(hub: Hub, **config: Any) -> str:
    """A WhatsApp channel, whose pace is a message a second, and ten at once after a rest."""
    evolution_rules(hub.provider)
    body = {"whatsappInstance": "shop", "evolutionKey": "k" * 16} | config
    return str(hub.post("/api/channels", {"name": "shop", "type": "WHATSAPP", "config": body}, 201)["id"])


@pytest.mark.parametrize(
    ("channel", "pace", "wanting", "going"),
    [
        (shop, {}, 12, 10),
        (shop, {"pacePerSecond": 0}, 12, 12),
        (shop, {"pace_per_second": 0.0}, 12, 12),
        (bot, {}, 32, 30),
        (bot, {"pacePerSecond": 0}, 32, 32),
        (bot, {"pacePerSecond": 3}, 5, 3),
        (bot, {"pacePerSecond": 0.5}, 3, 1),
        (bot, {"pacePerSecond": 1000}, 32, 32),
    ],
)
def test_so_many_go_in_one_moment_as_the_channel_or_its_own_pace_allows(
    deps: Deps, provider: Stub, channel: Callable[..., str], pace: dict[str, Any], wanting: int, going: int
) -> None:
    hub = manual_hub_of(deps, provider)
    channel_id = channel(hub, **pace)
    messages = [accepted(hub, channel_id, chat=5511900000000 + number) for number in range(wanting)]
    moment = deps.now()
    for _, conversation in messages:
        work(hub, conversation, replace(deps, now=lambda: moment))
    sent_messages = [message for message, _ in messages if fate(hub, message) == "SENT"]
    assert sent_messages == [message for message, _ in messages[:going]]
    assert len(waiting(hub)) == wanting - going


def _reply_to_many(hub: ManualHub, count: int) -> list[tuple[str, str]]:
    """So many customers write to the shop and are answered; returns the answers with their conversations."""
    former = {conversation.id for conversation in hub.conversations()}
    for number in range(count):
        body = upsert(written(f"question {number}", remoteJid=f"55119888800{number:02}@s.whatsapp.net"))
        assert hub.client.post("/webhook/evolution/shop", json=body).status_code == 200
    hub.work(Topic.INBOUND)
    conversations = {conversation.id for conversation in hub.conversations()} - former
    assert len(conversations) == count
    return [(hub.say(conversation, "answer")["message"]["id"], conversation) for conversation in conversations]


def _sent_within(hub: ManualHub, messages: list[tuple[str, str]], seconds: float) -> int:
    """How many go when all of them are tried every 20 ms."""
    began = hub.deps.now()
    for tick in range(round(seconds * 50) + 1):
        at = began + timedelta(milliseconds=20 * tick)
        for message, conversation in messages:
            if fate(hub, message) != "SENT":
                work(hub, conversation, replace(hub.deps, now=lambda: at))  # noqa: B023 - used at once
    return [fate(hub, message) for message, _ in messages].count("SENT")


@pytest.mark.parametrize(
    ("pace", "least", "most"),
    [
        ({}, 8, 11),
        ({"repliesPerSecond": 4}, 3, 5),
        ({"repliesPerSecond": 0}, 14, 14),
        ({"pacePerSecond": 2}, 10, 12),
        ({"pacePerSecond": 2, "repliesPerSecond": 4}, 3, 5),
    ],
)
def test_replies_have_a_pace_of_their_own(manual_hub: ManualHub, pace: dict[str, Any], least: int, most: int) -> None:
    shop(manual_hub, **pace)
    assert least <= _sent_within(manual_hub, _reply_to_many(manual_hub, 14), 1.0) <= most


def test_what_the_business_begins_does_not_hold_up_replies(manual_hub: ManualHub) -> None:
    channel_id = shop(manual_hub)
    campaign = [accepted(manual_hub, channel_id, chat=5511900000000 + number) for number in range(14)]
    assert _sent_within(manual_hub, campaign, 0.0) == 10, "the burst"
    assert _sent_within(manual_hub, _reply_to_many(manual_hub, 3), 0.5) == 3


def test_an_answer_to_what_is_old_is_no_reply(manual_hub: ManualHub) -> None:
    shop(manual_hub)
    _reply_to_many(manual_hub, 1)
    [session] = [conversation.id for conversation in manual_hub.conversations()]
    manual_hub.wait(minutes=5)
    manual_hub.say(session, "one thing more")
    manual_hub.wait(minutes=15)
    manual_hub.say(session, "and today")
    items = sorted(manual_hub.documents("outbox"), key=lambda item: item["created_at"])
    assert [item["is_reply"] for item in items] == [True, True, False]


def test_newcomer_does_not_take_the_turn_of_who_waits(deps: Deps, provider: Stub) -> None:
    hub = manual_hub_of(deps, provider)
    channel_id, began = bot(hub, pacePerSecond=1), deps.now()

    def works(conversation: str, seconds: float) -> None:
        at = began + timedelta(seconds=seconds)
        work(hub, conversation, replace(deps, now=lambda: at))

    first, waits, newcomer = (accepted(hub, channel_id, chat=chat) for chat in (1, 2, 3))
    works(first[1], 0.0)
    works(waits[1], 0.0)
    works(newcomer[1], 1.0)
    works(waits[1], 1.3)
    assert [fate(hub, message) for message, _ in (first, waits, newcomer)] == ["SENT", "SENT", "PENDING"]


@pytest.mark.parametrize("faster", [0, 5, 1000])
def test_another_pace_holds_from_then_on(deps: Deps, provider: Stub, faster: float) -> None:
    hub = manual_hub_of(deps, provider)
    channel_id = bot(hub, pacePerSecond=0.01)
    for chat in (1, 2):
        message, conversation = accepted(hub, channel_id, chat=chat)
        work(hub, conversation)
    assert fate(hub, message) == "PENDING"
    hub.patch(f"/api/channels/{channel_id}", {"config": {"pacePerSecond": faster}})
    message, conversation = accepted(hub, channel_id, chat=3)
    work(hub, conversation)
    assert fate(hub, message) == "SENT"
    hub.patch(f"/api/channels/{channel_id}", {"config": {"pacePerSecond": None}})
    assert hub.documents("instances", id=channel_id)[0]["pace_per_second"] is None


@pytest.mark.parametrize("pace", [-1, "fast", True, 1e9])
def test_pace_that_is_none_is_refused(hub: Hub, pace: object) -> None:
    body = {"name": "Support", "type": "TELEGRAM_BOT", "config": {"botToken": "7:token", "pacePerSecond": pace}}
    assert "config.pacePerSecond" in hub.post("/api/channels", body, 400)["fields"]


def test_an_account_that_has_to_rest_rests_with_replies_too(manual_hub: ManualHub) -> None:
    channel_id = shop(manual_hub)
    manual_hub.provider.on("POST", "/message/sendText", Reply(429, headers={"retry-after": "600"}), times=1)
    first, conversation = accepted(manual_hub, channel_id, chat=5511900000000)
    began = manual_hub.deps.now()
    work(manual_hub, conversation)
    assert fate(manual_hub, first) == "FAILED"
    for message, conversation in [*_reply_to_many(manual_hub, 1), accepted(manual_hub, channel_id, chat=5511900000001)]:
        work(manual_hub, conversation)
        waits = item(manual_hub, message)
        assert (waits["status"], waits["attempts"]) == ("PENDING", 0)
        assert waits["next_retry_at"] >= began + timedelta(seconds=600)


def test_what_failed_together_does_not_come_back_together(manual_hub: ManualHub) -> None:
    channel_id = manual_hub.telegram()
    manual_hub.provider.on("POST", SEND, Reply(503, {"ok": False, "error_code": 503, "description": "later"}))
    messages = [accepted(manual_hub, channel_id, chat=chat) for chat in range(1, 9)]
    pauses: list[set[float]] = []
    for _ in range(2):
        for _, conversation in messages:
            work(manual_hub, conversation)
        items = [manual_hub.documents("outbox", id=message)[0] for message, _ in messages]
        pauses.append({round((each["next_retry_at"] - each["updated_at"]).total_seconds(), 6) for each in items})
        manual_hub.wait(minutes=1)
    shortest = manual_hub.deps.settings.retry_min_seconds
    assert pauses[0] == {shortest}
    assert len(pauses[1]) > 1
    assert all(1.6 * shortest <= pause <= 2 * shortest for pause in pauses[1])
