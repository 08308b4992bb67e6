"""Sending obeys the channel's pace and the provider's wish to be left alone; who waits, waits in the outbox."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from shared.ports.store import Merge
from shared.usecases import refs
from shared.usecases.sweep import sweep
from tests.eventually import eventually
from tests.pipeline.hub import Hub
from tests.stubs import Reply

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
    found = [item(hub, message) for message in messages]
    assert sorted(each["status"] for each in found) == ["PENDING"] * 49 + ["SENT"]
    assert sum(each["attempts"] for each in found) == 1
    turns = sorted(each["next_retry_at"] for each in found if each["open"])
    assert all(each["due_at"] == each["next_retry_at"] for each in found if each["open"])
    assert turns[-1] - turns[0] > timedelta(seconds=4000)


def test_who_waits_goes_when_his_turn_comes_with_one_attempt(hub: Hub) -> None:
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


def test_channel_without_a_limit_is_not_slowed_down(hub: Hub) -> None:
    channel_id = bot(hub, pace_per_second=0)
    for chat in range(1, 61):
        send(hub, channel_id, chat, "x")
    eventually(hub.idle)
    assert waiting(hub) == []
    assert all(each["next_retry_at"] is None and each["attempts"] == 1 for each in hub.documents("outbox"))


@pytest.mark.parametrize("pace", [-1, "fast", True, 1e9])
def test_pace_that_is_none_is_refused(hub: Hub, pace: object) -> None:
    body = {"name": "Support", "type": "TELEGRAM_BOT", "config": {"botToken": "7:token", "pacePerSecond": pace}}
    assert "config.pacePerSecond" in hub.post("/api/channels", body, 400)["fields"]
