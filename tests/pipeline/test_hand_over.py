"""A conversation is handed over to people: by an agent, by its tool, or because the customer asks for a person."""

from __future__ import annotations

import json
from typing import Any

import pytest

from shared.domain.conversations import Owner
from shared.domain.messages import Direction
from shared.errors import StoreError
from tests.pipeline.manual_hub import ManualHub
from tests.pipeline.models import CHAT, OpenHub, says
from tests.stubs import Reply


def _hands_over(content: str | None = None, **arguments: Any) -> Reply:
    call = {"id": "c1", "type": "function", "function": {"name": "hand_over", "arguments": json.dumps(arguments)}}
    return Reply(json={"choices": [{"message": {"role": "assistant", "content": content, "tool_calls": [call]}}]})


def _writes(hub: ManualHub, bot: str, text: str) -> None:
    hub.writes(bot, text)
    hub.work()


def _reasons(hub: ManualHub) -> list[str]:
    notifications = hub.get("/notifications")["notifications"]
    return [each["message"] for each in notifications if each["type"] == "hand_over"]


@pytest.mark.parametrize(
    ("model", "sent"),
    [
        (_hands_over(reason="a refund", message="A colleague will answer."), ["A colleague will answer."]),
        (_hands_over("Ich hole jemanden.", reason="a refund"), ["Ich hole jemanden."]),
        (_hands_over(reason="a refund"), []),
    ],
    ids=["message", "content", "nothing"],
)
def test_an_agent_hands_over_and_is_silent_until_a_person_releases_the_conversation(
    open_hub: OpenHub, model: Reply, sent: list[str]
) -> None:
    with open_hub() as hub:
        bot = hub.telegram()
        hub.provider.on("POST", CHAT, model, times=1)
        _writes(hub, bot, "my money back")
        hub.wait(minutes=1)
        _writes(hub, bot, "please")
        conversation = hub.conversation()
        assert hub.sent_texts() == sent
        assert (conversation.owner, conversation.needs_human) == (Owner.NOBODY, True)
        assert conversation.needs_reply_since == hub.arrival("my money back")
        assert _reasons(hub) == ["Support: a refund"]
        assert [note.text for note in hub.messages(Direction.SYSTEM)] == ["A person is needed: a refund"]
        hub.post(f"/api/conversations/{conversation.id}/accept", {})
        hub.post(f"/api/conversations/{conversation.id}/release", {})
        hub.work()
        assert hub.sent_texts() == [*sent, "A cat."]


def test_an_agent_that_does_not_hand_over_is_told_that_it_could(open_hub: OpenHub) -> None:
    with open_hub() as hub:
        _writes(hub, hub.telegram(), "hello")
        [question] = hub.provider.to(CHAT)
        assert [tool["function"]["name"] for tool in question.json["tools"]] == ["hand_over"]


def test_a_model_that_takes_no_tools_answers_without(open_hub: OpenHub) -> None:
    with open_hub() as hub:
        hub.provider.on(
            "POST", CHAT, lambda request: Reply(400) if "tools" in request.json else says("I have no tools.")
        )
        _writes(hub, hub.telegram(), "hello")
        assert hub.sent_texts() == ["I have no tools."]


@pytest.mark.parametrize(
    "text", ["I want to talk to a human!", "AGENT", "quero falar com um atendente", "我要转人工", "Позовите оператора"]
)
def test_a_customer_who_asks_for_a_person_is_left_to_people_without_an_answer(
    manual_hub: ManualHub, bot: str, text: str
) -> None:
    manual_hub.echo_agent()
    _writes(manual_hub, bot, text)
    assert manual_hub.sent_texts() == []
    assert manual_hub.conversation().owner is Owner.NOBODY
    assert _reasons(manual_hub) == ["Support: the customer asks for a person"]


@pytest.mark.parametrize("text", ["Which agent sells the house?", "human rights", "I am no operator"])
def test_a_word_that_may_mean_anything_asks_for_nobody(manual_hub: ManualHub, bot: str, text: str) -> None:
    manual_hub.echo_agent()
    _writes(manual_hub, bot, text)
    assert manual_hub.sent_texts() == [f"Echo: {text}"]


def test_a_business_has_words_of_its_own_for_a_person(manual_hub: ManualHub, bot: str) -> None:
    manual_hub.echo_agent()
    changed = manual_hub.patch("/api/settings", {"handOverWords": ["Doctor"]})
    assert changed["handOverWords"] == ["Doctor"]
    manual_hub.writes(bot, "human", chat=1)
    manual_hub.writes(bot, "doctor!", chat=2)
    manual_hub.work()
    assert manual_hub.sent_texts() == ["Echo: human"]
    assert "handOverWords" not in manual_hub.patch("/api/settings", {"handOverWords": None})


@pytest.mark.parametrize("step", ["before", "after"])
def test_a_crash_around_the_handing_over_neither_loses_nor_doubles_it(open_hub: OpenHub, step: str) -> None:
    with open_hub() as hub:
        bot = hub.telegram()
        hub.provider.on("POST", CHAT, _hands_over(reason="a refund", message="A colleague will answer."))
        hub.writes(bot, "my money back")
        store = hub.overlaps.store
        (store.before_commit if step == "before" else store.after_commit)("notifications", _crash)
        with pytest.raises(StoreError):
            hub.work()
        hub.wait(minutes=2)
        hub.tick()
        assert hub.sent_texts() == ["A colleague will answer."]
        assert _reasons(hub) == ["Support: a refund"]
        assert hub.conversation().owner is Owner.NOBODY


def _crash() -> None:
    raise StoreError("the process died")


def test_a_person_who_takes_the_conversation_while_the_agent_hands_it_over_has_it(open_hub: OpenHub) -> None:
    with open_hub() as hub:
        hub.provider.on("POST", CHAT, _hands_over(reason="a refund", message="A colleague will answer."))
        hub.writes(hub.telegram(), "my money back")
        session = hub.conversation().id
        hub.overlaps.store.before_commit("notifications", lambda: hub.post(f"/api/conversations/{session}/take", {}))
        hub.work()
        assert (hub.sent_texts(), _reasons(hub)) == ([], [])
        assert hub.conversation().owner is Owner.HUMAN
