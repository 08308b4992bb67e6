"""An AI agent's answer that the customer sees while it is being written: one message, whatever happens meanwhile."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from shared.domain.events import Topic
from shared.domain.messages import Direction, Message
from shared.errors import ProviderUnavailable, StoreError
from tests.pipeline.manual_hub import ManualHub
from tests.pipeline.models import CHAT, OpenHub, says
from tests.pipeline.sending import SEND
from tests.stubs import Received, Reply

EDIT, DELETE = "/editMessageText", "/deleteMessage"
WORDS = ("Your order", " left us", " this morning.")
WHOLE = "".join(WORDS)


def _event(**delta: Any) -> bytes:
    return f"data: {json.dumps({'choices': [{'delta': delta}]})}\n\n".encode()


def _streams(hub: ManualHub, *pieces: str, drop: bool = False, waits: bool = True) -> Callable[[Received], Reply]:
    """The model says words one after the other, slowly where it `waits`; with `drop` it breaks off after them."""
    usage = json.dumps({"choices": [], "usage": {"prompt_tokens": 5, "total_tokens": 12}}).encode()
    end = [] if drop else [b"data: " + usage + b"\n\n", b"data: [DONE]\n\n"]
    chunks = [*(_event(content=piece) for piece in pieces), *end]

    def reply(request: Received) -> Reply:
        assert request.json["stream"] is True
        if waits:
            hub.wait(seconds=2)
        return Reply(headers={"content-type": "text/event-stream"}, chunks=chunks, pause=0.1, drop=drop)

    return reply


def _prepare(hub: ManualHub, **config: Any) -> str:
    """A bot with growing answers, whose provider takes two seconds for everything; returns its id."""

    def slowly(answer: Callable[[Received], Reply]) -> Callable[[Received], Reply]:
        def reply(request: Received) -> Reply:
            hub.wait(seconds=2)
            return answer(request)

        return reply

    for method in (EDIT, DELETE):
        hub.provider.on("POST", method, slowly(lambda request: Reply(json={"ok": True, "result": True})))
    sent = {"ok": True, "result": {"message_id": 900, "chat": {"id": 5}}}
    hub.provider.on("POST", SEND, slowly(lambda request: Reply(json=sent)))
    bot = hub.telegram()
    hub.patch(f"/api/channels/{bot}", {"config": {"growing_answers": True, "csat": False} | config})
    return bot


def _deliver_each_step(hub: ManualHub, steps: int = 3) -> None:
    for _ in range(steps):
        hub.overlaps.bus.after_publish(Topic.OUTBOUND, hub.deliver)


def _calls(hub: ManualHub) -> list[tuple[str, str | None]]:
    """What Telegram was asked for, and the text."""
    calls = hub.provider.to("/(sendMessage|editMessageText|deleteMessage)$")
    return [(request.path.rpartition("/")[2], request.json.get("text")) for request in calls]


def _answers(hub: ManualHub) -> list[Message]:
    return hub.messages(Direction.OUTBOUND)


def test_an_answer_grows_by_edits_of_one_message(open_hub: OpenHub) -> None:
    with open_hub() as hub:
        bot = _prepare(hub)
        hub.provider.on("POST", CHAT, _streams(hub, *WORDS))
        _deliver_each_step(hub)
        hub.customer_writes(bot, "Where is my order?")
        hub.work()
        assert _calls(hub) == [
            ("sendMessage", "Your order"),
            ("editMessageText", "Your order left us"),
            ("editMessageText", WHOLE),
        ]
        [answer] = _answers(hub)
        assert (answer.text, answer.versions, answer.edited_at, answer.author) == (WHOLE, [], None, "bot")
        assert not answer.is_growing
        assert hub.conversation().needs_reply_since is None


def test_steps_that_still_wait_are_one(open_hub: OpenHub) -> None:
    with open_hub() as hub:
        bot = _prepare(hub)
        hub.provider.on("POST", CHAT, _streams(hub, *WORDS))
        hub.customer_writes(bot, "Where is my order?")
        hub.work()
        assert _calls(hub) == [("sendMessage", WHOLE)]
        assert [answer.text for answer in _answers(hub)] == [WHOLE]


def test_a_step_that_waits_is_replaced_by_the_next_one(open_hub: OpenHub) -> None:
    with open_hub() as hub:
        bot = _prepare(hub)
        hub.provider.on("POST", CHAT, _streams(hub, *WORDS))
        # Only the beginning is delivered; the time that the next steps need passes while the model is asked.
        hub.overlaps.bus.after_publish(Topic.OUTBOUND, lambda: (hub.deliver(), hub.wait(seconds=2)))
        hub.overlaps.bus.after_publish(Topic.OUTBOUND, lambda: hub.wait(seconds=2))
        hub.customer_writes(bot, "Where is my order?")
        hub.work()
        assert _calls(hub) == [("sendMessage", "Your order"), ("editMessageText", WHOLE)]
        assert len(hub.documents("outbox")) == 2


def test_words_that_come_at_once_are_shown_at_once(open_hub: OpenHub) -> None:
    with open_hub() as hub:
        bot = _prepare(hub)
        chunks = [*(_event(content=word) for word in WORDS), b"data: [DONE]\n\n"]
        hub.provider.on("POST", CHAT, Reply(headers={"content-type": "text/event-stream"}, chunks=chunks))
        _deliver_each_step(hub)
        hub.customer_writes(bot, "Where is my order?")
        hub.work()
        assert _calls(hub) == [("sendMessage", WHOLE)]


def test_each_answer_is_a_message_of_its_own(open_hub: OpenHub) -> None:
    with open_hub() as hub:
        bot = _prepare(hub)
        hub.provider.on("POST", CHAT, _streams(hub, *WORDS))
        for question in ("Where is my order?", "And the other one?"):
            hub.customer_writes(bot, question)
            hub.work()
            hub.wait(seconds=31)
        assert _calls(hub) == [("sendMessage", WHOLE)] * 2
        assert [answer.text for answer in _answers(hub)] == [WHOLE] * 2


def test_a_step_that_cannot_be_stored_keeps_nobody_from_the_answer(open_hub: OpenHub) -> None:
    def fail() -> None:
        raise StoreError("no answer")

    with open_hub() as hub:
        bot = _prepare(hub)
        hub.provider.on("POST", CHAT, _streams(hub, *WORDS))
        hub.overlaps.store.before_commit("outbox", fail)
        hub.customer_writes(bot, "Where is my order?")
        hub.work()
        assert _calls(hub) == [("sendMessage", WHOLE)]
        assert len(hub.documents("outbox")) == 1


def test_a_model_that_breaks_off_is_asked_again_and_the_same_message_gets_its_end(open_hub: OpenHub) -> None:
    with open_hub() as hub:
        bot = _prepare(hub)
        hub.provider.on("POST", CHAT, _streams(hub, "It left ", "us", waits=False))
        hub.provider.on("POST", CHAT, _streams(hub, *WORDS[:2], drop=True), times=1)
        _deliver_each_step(hub)
        hub.customer_writes(bot, "Where is my order?")
        with pytest.raises(ProviderUnavailable):
            hub.work()
        assert hub.conversation().needs_reply_since is not None
        hub.work()
        assert _calls(hub)[0] == ("sendMessage", "Your order")
        assert _calls(hub)[-1] == ("editMessageText", "It left us")
        assert [answer.text for answer in _answers(hub)] == ["It left us"]
        question = hub.provider.to(CHAT)[-1].json["messages"]
        assert [message["role"] for message in question] == ["user"]


def _breaks_off(hub: ManualHub) -> str:
    """A model says half of its answer, and all of it when it is asked again; returns the bot."""
    bot = _prepare(hub)
    hub.provider.on("POST", CHAT, _streams(hub, WHOLE, waits=False))
    hub.provider.on("POST", CHAT, _streams(hub, *WORDS[:2], drop=True), times=1)
    _deliver_each_step(hub)
    hub.customer_writes(bot, "Where is my order?")
    with pytest.raises(ProviderUnavailable):
        hub.work()
    return bot


def test_a_beginning_with_which_nobody_goes_on_is_taken_back(open_hub: OpenHub) -> None:
    with open_hub() as hub:
        _breaks_off(hub)
        owner = hub.get("/api/auth/me")["user"]["id"]
        hub.patch(f"/api/conversations/{hub.conversation().id}", {"assigneeId": owner})
        hub.work()
        assert _calls(hub)[-1] == ("deleteMessage", None)
        [beginning] = _answers(hub)
        assert beginning.deleted_at is not None


def test_a_beginning_gets_its_end_also_after_the_customer_wrote_again(open_hub: OpenHub) -> None:
    with open_hub() as hub:
        bot = _breaks_off(hub)
        hub.customer_writes(bot, "It is number 7.")
        hub.work(Topic.INBOUND)
        hub.work()
        assert _calls(hub)[-1] == ("editMessageText", WHOLE)
        assert [answer.text for answer in _answers(hub)] == [WHOLE]


def _is_assigned(hub: ManualHub) -> None:
    owner = hub.get("/api/auth/me")["user"]["id"]
    hub.patch(f"/api/conversations/{hub.conversation().id}", {"assigneeId": owner})


def _is_switched_off(hub: ManualHub) -> None:
    hub.patch(f"/api/conversations/{hub.conversation().id}/auto-reply", {"enabled": False})


@pytest.mark.parametrize("act", [_is_assigned, _is_switched_off])
def test_who_takes_over_meanwhile_finds_no_half_an_answer_at_the_customers(
    open_hub: OpenHub, act: Callable[[ManualHub], None]
) -> None:
    with open_hub() as hub:
        bot = _prepare(hub)

        def deliver_and_take_over() -> None:
            hub.deliver()
            act(hub)
            _deliver_each_step(hub, 1)

        hub.provider.on("POST", CHAT, _streams(hub, *WORDS))
        hub.overlaps.bus.after_publish(Topic.OUTBOUND, deliver_and_take_over)
        hub.customer_writes(bot, "Where is my order?")
        hub.work()
        assert _calls(hub) == [("sendMessage", "Your order"), ("deleteMessage", None)]
        [answer] = _answers(hub)
        assert answer.deleted_at is not None


def test_an_answer_of_several_messages_grows_in_its_first(open_hub: OpenHub) -> None:
    with open_hub() as hub:
        bot = _prepare(hub)
        hub.provider.on("POST", CHAT, _streams(hub, "Your", " order:\n\nit left ", "us."))
        _deliver_each_step(hub)
        hub.customer_writes(bot, "Where is my order?")
        hub.work()
        assert [text for name, text in _calls(hub)][-1] == "it left us."
        assert [answer.text for answer in _answers(hub)] == ["Your order:", "it left us."]


def test_a_service_that_does_not_stream_is_asked_without(open_hub: OpenHub) -> None:
    with open_hub() as hub:
        bot = _prepare(hub)
        hub.provider.on("POST", CHAT, Reply(400, {"error": "stream is not supported"}), times=1)
        hub.customer_writes(bot, "Where is my order?")
        hub.work()
        assert "stream" not in hub.provider.to(CHAT)[-1].json
        assert [answer.text for answer in _answers(hub)] == ["A cat."]


@pytest.mark.parametrize("config", [{"growing_answers": False}, {"growing_answers": "yes"}])
def test_nothing_grows_where_the_channel_is_not_set_to(open_hub: OpenHub, config: dict[str, Any]) -> None:
    with open_hub() as hub:
        bot = _prepare(hub, **config)
        hub.provider.on("POST", CHAT, says(WHOLE))
        hub.customer_writes(bot, "Where is my order?")
        hub.work()
        assert "stream" not in hub.provider.to(CHAT)[-1].json


def test_of_an_answer_whose_beginning_was_refused_all_is_sent_when_it_is_redriven(open_hub: OpenHub) -> None:
    with open_hub() as hub:
        bot = _prepare(hub)
        hub.provider.on("POST", CHAT, _streams(hub, *WORDS))
        hub.provider.on("POST", SEND, Reply(403, {"ok": False, "error_code": 403, "description": "blocked"}), times=1)
        _deliver_each_step(hub)
        hub.customer_writes(bot, "Where is my order?")
        hub.work()
        [dead] = hub.get("/api/outbox?status=DEAD")["items"]
        hub.post(f"/api/outbox/{dead['id']}/redrive", {}, 202)
        hub.work()
        assert _calls(hub)[-1] == ("sendMessage", WHOLE)
        assert [name for name, _ in _calls(hub)] == ["sendMessage", "sendMessage"]
        assert [answer.text for answer in _answers(hub)] == [WHOLE]


def test_what_a_stream_has_around_the_words_is_not_counted_as_tokens(open_hub: OpenHub) -> None:
    with open_hub() as hub:
        bot = _prepare(hub)
        chunks = [*(_event(content=letter) for letter in WHOLE), b"data: [DONE]\n\n"]
        hub.provider.on("POST", CHAT, Reply(headers={"content-type": "text/event-stream"}, chunks=chunks))
        hub.customer_writes(bot, "Where is my order?")
        hub.work()
        [usage] = hub.documents("ai_usage")
        assert usage["tokens"] < 200
