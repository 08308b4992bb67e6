"""Who answers a customer, and that the answer is given once."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, cast

import pytest
from pydantic import SecretStr

from shared.config import Settings
from shared.domain.events import ReplyEvent
from shared.domain.messages import Direction
from shared.ports.store import Merge, Ref
from shared.usecases.replies.replies import reply
from tests.eventually import eventually
from tests.index_check import recorded
from tests.overlaps import Published
from tests.pipeline.hub import Hub, running_hub, telegram_rules
from tests.pipeline.manual_hub import ManualHub
from tests.stubs import Received, Reply, Stub


def _settled(hub: Hub) -> None:
    """Another customer writes and is answered, so that all earlier work is done."""
    channel_id = hub.telegram("Other")
    before = len(hub.provider.to("/sendMessage"))
    hub.customer_writes(channel_id, "marker", chat=999)
    hub.provider.wait_for("/sendMessage", before + 1)


def test_nobody_answers_for_a_new_tenant(hub: Hub, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    channel_id = hub.telegram()
    hub.customer_writes(channel_id, "anybody there?")
    eventually(lambda: "no agent is asked" in caplog.text)
    hub.echo_agent()
    _settled(hub)
    assert hub.sent_texts() == ["Echo: marker"]
    assert hub.documents("conversations", external_user_id="5")[0]["needs_reply_since"] is not None


def test_a_human_assignee_silences_the_machine(hub: Hub) -> None:
    channel_id = hub.telegram()
    hub.customer_writes(channel_id, "hello")
    conversation = hub.conversation()
    hub.patch(f"/api/conversations/{conversation.id}", {"assigneeId": "somebody"})
    hub.echo_agent()
    hub.customer_writes(channel_id, "still there?")
    eventually(lambda: len(hub.messages()) == 2)
    _settled(hub)
    assert hub.sent_texts() == ["Echo: marker"]


def test_the_oldest_active_ai_agent_answers(hub: Hub) -> None:
    first = hub.echo_agent(active=False)
    hub.echo_agent(kind="human")
    second = hub.echo_agent()
    hub.echo_agent()
    hub.customer_writes(hub.telegram(), "hello")
    answer = eventually(lambda: hub.messages(Direction.OUTBOUND))[0]
    assert answer.author_id == second != first


def _reminders(hub: ManualHub) -> list[Published]:
    return [each for each in hub.overlaps.bus.published if getattr(each.event, "is_reminder", False)]


def test_what_comes_while_an_agent_rests_is_answered_once_when_it_has_rested(hub: Hub) -> None:
    hub.echo_agent(cooldownSeconds=2)
    channel_id = hub.telegram()
    hub.customer_writes(channel_id, "one")
    hub.provider.wait_for("/sendMessage")
    hub.customer_writes(channel_id, "two")
    hub.customer_writes(channel_id, "three")
    eventually(lambda: len(hub.messages(Direction.INBOUND)) == 3)
    _settled(hub)
    assert hub.sent_texts() == ["Echo: one", "Echo: marker"]
    hub.provider.wait_for("/sendMessage", 3)
    eventually(hub.idle)
    assert hub.sent_texts() == ["Echo: one", "Echo: marker", "Echo: two\nthree"]
    answers = [message for message in hub.messages(Direction.OUTBOUND) if message.text != "Echo: marker"]
    first, second = sorted(answers, key=lambda message: message.created_at)
    assert second.created_at - first.created_at >= timedelta(seconds=2)


def test_an_agent_without_a_rest_answers_each_message(hub: Hub) -> None:
    hub.echo_agent(cooldownSeconds=0)
    channel_id = hub.telegram()
    for number, text in enumerate(("one", "two"), 1):
        hub.customer_writes(channel_id, text)
        hub.provider.wait_for("/sendMessage", number)
    eventually(hub.idle)
    assert hub.sent_texts() == ["Echo: one", "Echo: two"]


def test_an_agent_rests_for_thirty_seconds_where_nobody_says_otherwise(manual_hub: ManualHub) -> None:
    manual_hub.echo_agent()
    channel_id = manual_hub.telegram()
    clock = manual_hub.overlaps.clock
    manual_hub.customer_writes(channel_id, "one")
    manual_hub.work()
    clock.advance(seconds=29)
    manual_hub.customer_writes(channel_id, "two")
    manual_hub.work()
    assert manual_hub.sent_texts() == ["Echo: one"]
    [reminder] = _reminders(manual_hub)
    assert 0 < reminder.delay <= 1
    clock.advance(seconds=1)
    manual_hub.work()
    assert manual_hub.sent_texts() == ["Echo: one", "Echo: two"]


def test_a_long_rest_is_slept_in_pieces(manual_hub: ManualHub) -> None:
    manual_hub.echo_agent(cooldownSeconds=3600)
    channel_id = manual_hub.telegram()
    for text in ("one", "two"):
        manual_hub.customer_writes(channel_id, text)
        manual_hub.work()
    [reminder] = _reminders(manual_hub)
    assert reminder.delay == 60
    reply(manual_hub.deps, cast(ReplyEvent, reminder.event))
    *_, again = manual_hub.overlaps.bus.published
    assert (again.event, again.delay) == (reminder.event, 60)


def test_only_the_latest_message_is_remembered_through_a_long_rest(manual_hub: ManualHub) -> None:
    manual_hub.echo_agent(cooldownSeconds=3600)
    channel_id = manual_hub.telegram()
    for text in ("one", "two", "three"):
        manual_hub.customer_writes(channel_id, text)
        manual_hub.work()
    assert len(_reminders(manual_hub)) == 2
    manual_hub.overlaps.clock.advance(seconds=61)
    manual_hub.work()
    assert len(_reminders(manual_hub)) == 3


def test_a_reminder_answers_nothing_itself_so_that_waiting_costs_no_tries(manual_hub: ManualHub) -> None:
    manual_hub.echo_agent()
    channel_id = manual_hub.telegram()
    for text in ("one", "two"):
        manual_hub.customer_writes(channel_id, text)
        manual_hub.work()
    [reminder] = _reminders(manual_hub)
    manual_hub.overlaps.clock.advance(seconds=31)
    for _ in range(3):  # delivered more than once
        reply(manual_hub.deps, cast(ReplyEvent, reminder.event).model_copy(update={"attempt": 4}))
    assert manual_hub.sent_texts() == ["Echo: one"]
    manual_hub.work()
    assert manual_hub.sent_texts() == ["Echo: one", "Echo: two"]


def test_nobody_is_answered_after_a_rest_in_which_a_person_took_over(manual_hub: ManualHub) -> None:
    manual_hub.echo_agent(cooldownSeconds=1)
    channel_id = manual_hub.telegram()
    for text in ("one", "two"):
        manual_hub.customer_writes(channel_id, text)
        manual_hub.work()
    [conversation] = manual_hub.conversations()
    manual_hub.patch(f"/api/conversations/{conversation.id}", {"assigneeId": "somebody"})
    manual_hub.overlaps.clock.advance(seconds=2)
    manual_hub.work()
    assert manual_hub.sent_texts() == ["Echo: one"]


@pytest.mark.parametrize("seconds", [-1, 3601, "soon", 1.5])
def test_a_rest_that_is_none_is_refused(hub: Hub, seconds: object) -> None:
    refused = hub.post("/api/agents", {"name": "Echo", "cooldownSeconds": seconds}, 400)
    assert list(refused["fields"]) == ["cooldownSeconds"]


def test_many_redeliveries_of_one_reply_event_give_one_answer(hub: Hub) -> None:
    channel_id = hub.telegram()
    hub.customer_writes(channel_id, "hello")
    message = eventually(hub.messages)[0]
    hub.echo_agent()
    event = ReplyEvent(tenant_id=hub.tenant_id, conversation_id=message.conversation_id, message_id=message.id)
    for _ in range(10):
        reply(hub.deps, event)
    eventually(lambda: hub.sent_texts() and hub.idle())
    assert hub.sent_texts() == ["Echo: hello"]


@pytest.fixture
def patient_hub(settings: Settings, provider: Stub) -> Iterator[Hub]:
    """A hub that waits a moment for the customer to finish."""
    telegram_rules(provider)
    patient = settings.model_copy(update={"reply_debounce_seconds": 0.4})
    with recorded(patient) as deps, running_hub(deps, provider) as hub:
        hub.register()
        yield hub


def test_a_burst_gets_one_answer_to_all_of_it(patient_hub: Hub) -> None:
    patient_hub.echo_agent()
    channel_id = patient_hub.telegram()
    for text in ("I", "have a", "question"):
        patient_hub.customer_writes(channel_id, text)
    patient_hub.provider.wait_for("/sendMessage")
    _settled(patient_hub)
    assert patient_hub.sent_texts() == ["Echo: I\nhave a\nquestion", "Echo: marker"]


@pytest.fixture
def ai_hub(settings: Settings, provider: Stub) -> Iterator[Hub]:
    telegram_rules(provider)
    keyed = settings.model_copy(update={"openai_api_key": SecretStr("sk-test"), "openai_model": "gpt-test"})
    with recorded(keyed) as deps, running_hub(deps, provider) as hub:
        hub.register()
        yield hub


def _says(content: str | None, **more: Any) -> Reply:
    return Reply(json={"choices": [{"message": {"role": "assistant", "content": content} | more}]})


def test_the_model_gets_prompt_history_and_temperature(ai_hub: Hub) -> None:
    ai_hub.provider.on("POST", "/v1/chat/completions", _says("We open at nine."))
    ai_hub.echo_agent(prompt="Be kind.", temperature=0.3, model="gpt-custom")
    ai_hub.customer_writes(ai_hub.telegram(), "When do you open?")
    ai_hub.provider.wait_for("/sendMessage")
    assert ai_hub.sent_texts() == ["We open at nine."]
    request = ai_hub.provider.to("/v1/chat/completions")[0]
    assert request.headers["authorization"] == "Bearer sk-test"
    assert (request.json["model"], request.json["temperature"]) == ("gpt-custom", 0.3)
    assert request.json["messages"] == [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "When do you open?"},
    ]


def test_a_model_that_agents_may_not_use_here_is_never_asked_and_a_human_is_told(
    settings: Settings, provider: Stub
) -> None:
    telegram_rules(provider)
    keyed = settings.model_copy(update={"openai_api_key": SecretStr("sk-test"), "openai_models": ("gpt-mini",)})
    with recorded(keyed) as deps, running_hub(deps, provider) as hub:
        hub.register()
        agent = hub.echo_agent(model="gpt-mini")
        # One from before the models were limited.
        deps.store.commit([Merge(Ref("tenants", hub.tenant_id), {"responder": {"model": "gpt-dear"}})])
        hub.customer_writes(hub.telegram(), "hi")
        [notice] = eventually(lambda: hub.documents("notifications", type="agent_failed"), timeout=30)
        assert "OPENAI_MODELS" in notice["message"]
        assert provider.to("/v1/chat/completions") == []
        refused = hub.patch(f"/api/agents/{agent}", {"model": "gpt-dear"}, 400)
        assert list(refused["fields"]) == ["model"]


def test_tools_are_called_and_their_answers_given_back(ai_hub: Hub) -> None:
    tool_call = {"id": "call-1", "type": "function", "function": {"name": "order", "arguments": '{"number": 7}'}}

    def model(request: Received) -> Reply:
        tool_results = [message for message in request.json["messages"] if message["role"] == "tool"]
        return _says(f"It is {tool_results[0]['content']}.") if tool_results else _says(None, tool_calls=[tool_call])

    ai_hub.provider.on("POST", "/v1/chat/completions", model)
    ai_hub.provider.on("POST", "/tools/order", Reply(text="on its way", headers={"content-type": "text/plain"}))
    url = f"{ai_hub.provider.url}/tools/order"
    ai_hub.echo_agent(tools=[{"name": "order", "description": "Looks an order up", "url": url}])
    ai_hub.customer_writes(ai_hub.telegram(), "Where is order 7?")
    ai_hub.provider.wait_for("/sendMessage")
    assert ai_hub.sent_texts() == ["It is on its way."]
    assert ai_hub.provider.to("/tools/order")[0].json["arguments"] == {"number": 7}


def test_a_model_that_asks_for_tools_without_end_is_made_to_answer(ai_hub: Hub) -> None:
    call = {"id": "c", "type": "function", "function": {"name": "none", "arguments": "{}"}}

    def model(request: Received) -> Reply:
        return _says(None, tool_calls=[call]) if "tools" in request.json else _says("I do not know.")

    ai_hub.provider.on("POST", "/v1/chat/completions", model)
    ai_hub.echo_agent(tools=[{"name": "order", "url": f"{ai_hub.provider.url}/tools/order"}])
    ai_hub.customer_writes(ai_hub.telegram(), "hm?")
    ai_hub.provider.wait_for("/sendMessage")
    assert ai_hub.sent_texts() == ["I do not know."]
    assert len(ai_hub.provider.to("/v1/chat/completions")) <= 7


MARKDOWN = "**Hi** Ann, see [the shop](https://shop.example)\n\n- *a*\n- b"


def test_a_models_markdown_is_shown_in_the_channels_own_notation_and_stored_without_it(ai_hub: Hub) -> None:
    ai_hub.provider.on("POST", "/v1/chat/completions", _says(MARKDOWN))
    ai_hub.echo_agent()
    ai_hub.customer_writes(ai_hub.telegram(), "hello")
    first, second = ai_hub.provider.wait_for("/sendMessage", 2)
    assert first.json["text"] == "Hi Ann, see the shop"
    assert first.json["entities"] == [
        {"type": "bold", "offset": 0, "length": 2},
        {"type": "text_link", "offset": 12, "length": 8, "url": "https://shop.example"},
    ]
    assert (second.json["text"], second.json["entities"]) == (
        "• a\n• b",
        [{"type": "italic", "offset": 2, "length": 1}],
    )
    stored = [message.text for message in ai_hub.messages(Direction.OUTBOUND)]
    assert stored == ["Hi Ann, see the shop (https://shop.example)", "- a\n- b"]


def test_what_a_person_types_goes_out_as_it_is(ai_hub: Hub) -> None:
    ai_hub.customer_writes(ai_hub.telegram(), "hello")
    session = eventually(ai_hub.conversations)[0].id
    ai_hub.post("/api/messages/send", {"conversationId": session, "text": "2*3*4, *not* **bold**"}, 202)
    [sent] = ai_hub.provider.wait_for("/sendMessage")
    assert sent.json.keys() == {"chat_id", "text"}
    assert sent.json["text"] == "2*3*4, *not* **bold**"


def test_an_echo_repeats_what_the_customer_wrote_and_reads_nothing_in_it(hub: Hub) -> None:
    hub.echo_agent()
    hub.customer_writes(hub.telegram(), "is *this* **bold**?\n- no")
    hub.provider.wait_for("/sendMessage")
    assert hub.sent_texts() == ["Echo: is *this* **bold**?\n- no"]
