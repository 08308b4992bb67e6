"""What strangers may spend with the operator's key of a language model."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from pydantic import SecretStr

from functions.hub.main import blueprints
from shared.answering.ai import MOST_HISTORY
from shared.answering.budget import reserve
from shared.config import Settings, load_settings
from shared.domain.accounts import Role
from shared.domain.events import RealtimeEvent, Topic
from shared.errors import ConfigurationInvalid, ProviderRejected, ProviderUnavailable
from shared.ports.store import Merge, Ref
from shared.setting_forms import Price
from shared.usecases.replies.recordings import MOST as MOST_RECORDINGS
from tests.apps import create_app
from tests.functions.keys import key_for
from tests.index_check import recorded
from tests.pipeline.hub import telegram_rules
from tests.pipeline.manual_hub import ManualHub
from tests.pipeline.models import sends_file
from tests.stubs import Reply, Stub

CHAT = "/v1/chat/completions"
TRANSCRIPTS = "/v1/audio/transcriptions"

OpenHub = Callable[..., Any]


@pytest.fixture
def open_hub(settings: Settings, provider: Stub) -> OpenHub:
    """Opens a hub with a language model and these settings, whose workers wait for the test."""

    @contextmanager
    def hub(**changes: Any) -> Iterator[ManualHub]:
        telegram_rules(provider)
        keyed = settings.model_copy(update={"openai_api_key": SecretStr("sk-test")} | changes)
        with recorded(keyed) as deps:
            manual = ManualHub(deps, create_app(deps, blueprints(), documented=False).test_client(), provider)
            _act_as_new_tenant(manual, "owner@example.com")
            yield manual

    return hub


def _act_as_new_tenant(hub: ManualHub, email: str) -> None:
    hub.register(email)
    hub.headers = key_for(hub.deps, hub.tenant_id, Role.OWNER)
    hub.echo_agent()


def _says(text: str, **usage: Any) -> Reply:
    return Reply(json={"choices": [{"message": {"role": "assistant", "content": text}}], "usage": usage})


def _customers_write(hub: ManualHub, count: int) -> None:
    channel = hub.telegram()
    for number in range(count):
        hub.writes(channel, "hello", chat=100 + number)
        hub.work()


def _notices(hub: ManualHub) -> list[str]:
    notices = hub.documents("notifications", tenant_id=hub.tenant_id, type="ai_budget")
    return sorted(str(notice["title"]) for notice in notices)


def test_every_question_limits_the_answers_length(open_hub: OpenHub, provider: Stub) -> None:
    provider.on("POST", CHAT, _says("Hi.", total_tokens=10))
    with open_hub(openai_max_tokens=77) as hub:
        _customers_write(hub, 1)
        assert [request.json["max_tokens"] for request in provider.to(CHAT)] == [77]


def test_a_customer_who_writes_books_has_the_model_read_no_more_than_a_part(open_hub: OpenHub, provider: Stub) -> None:
    provider.on("POST", CHAT, _says("Hi.", total_tokens=10))
    with open_hub() as hub:
        hub.writes(hub.telegram(), *[f"{number} {'x' * 25_000}" for number in range(5)], "What do you think?")
        hub.work()
        [request] = provider.to(CHAT)
        contents = [chat["content"] for chat in request.json["messages"] if chat["role"] == "user"]
    assert contents[-1] == "What do you think?"
    assert [content.partition(" ")[0] for content in contents[:-1]] == ["2", "3", "4"]
    assert MOST_HISTORY <= sum(map(len, contents)) < MOST_HISTORY + 10


def test_a_message_with_a_hundred_recordings_has_few_of_them_transcribed(open_hub: OpenHub, provider: Stub) -> None:
    provider.on("POST", CHAT, _says("Hi.", total_tokens=10))
    provider.on("POST", TRANSCRIPTS, Reply(json={"text": "Hello"}))
    with open_hub(openai_transcription_model="whisper-1") as hub:
        sends_file(hub, hub.telegram(), "voice", b"OggS" + bytes(2_000), "audio/ogg", "ogg", mime_type="audio/ogg")
        hub.work(Topic.INBOUND)
        [stored] = hub.documents("messages")
        many = {"attachments": stored["attachments"] * 100}
        hub.deps.store.commit([Merge(Ref("messages", str(stored["id"])), many)])
        hub.work()
        assert len(provider.to(TRANSCRIPTS)) == MOST_RECORDINGS


def test_a_tenants_tokens_of_a_day_end_with_two_notices_and_nobody_elses(open_hub: OpenHub, provider: Stub) -> None:
    provider.on("POST", CHAT, _says("Hi.", prompt_tokens=150, completion_tokens=50, total_tokens=200))
    with open_hub(ai_tokens_per_day=1000, openai_max_tokens=10) as hub:
        _customers_write(hub, 3)
        assert _notices(hub) == []
        hub.new_events(Topic.REALTIME)
        _customers_write(hub, 1)
        assert _notices(hub) == ["AI agents have used 80 % of today's budget"]
        told = [event for event in hub.new_events(Topic.REALTIME) if isinstance(event, RealtimeEvent)]
        titles = [event.payload["notification"]["title"] for event in told if event.name == "notification-created"]
        assert titles[-1:] == _notices(hub), "people hear of it at once"
        _customers_write(hub, 4)
        assert len(provider.to(CHAT)) == 5
        assert _notices(hub) == [
            "AI agents have stopped: today's budget is used up",
            "AI agents have used 80 % of today's budget",
        ]
        waiting = hub.documents("conversations", tenant_id=hub.tenant_id, needs_human=True)
        assert len(waiting) == 3
        assert len(hub.documents("notifications", tenant_id=hub.tenant_id, type="agent_failed")) == 3

        former, former_headers = hub.tenant_id, hub.headers
        _act_as_new_tenant(hub, "other@example.com")
        _customers_write(hub, 1)
        assert len(provider.to(CHAT)) == 6

        hub.tenant_id, hub.headers = former, former_headers
        hub.overlaps.clock.advance(days=1)
        _customers_write(hub, 1)
        assert len(provider.to(CHAT)) == 7


def test_money_is_counted_by_the_price_of_each_model(open_hub: OpenHub, provider: Stub) -> None:
    provider.on("POST", CHAT, _says("Hi.", prompt_tokens=100_000, completion_tokens=10_000, total_tokens=110_000))
    prices = {"gpt-4o-mini": Price(0, 0), "gpt-dear": Price(2, 30)}  # half a unit for each answer
    with open_hub(ai_money_per_day=1.0, openai_prices=prices) as hub:
        _customers_write(hub, 3)
        assert len(provider.to(CHAT)) == 3
        hub.patch(f"/api/agents/{hub.documents('agents', tenant_id=hub.tenant_id)[0]['id']}", {"model": "gpt-dear"})
        _customers_write(hub, 3)
        assert len(provider.to(CHAT)) == 5
        hub.overlaps.clock.advance(days=1)
        hub.patch(f"/api/agents/{hub.documents('agents', tenant_id=hub.tenant_id)[0]['id']}", {"model": "gpt-free"})
        _customers_write(hub, 1)
        assert len(provider.to(CHAT)) == 5
        failures = hub.documents("notifications", tenant_id=hub.tenant_id, type="agent_failed")
        assert any("OPENAI_PRICES" in notice["message"] for notice in failures)


@pytest.mark.parametrize("usage", [{}, {"total_tokens": -5}, {"total_tokens": "many"}])
def test_a_service_that_does_not_count_is_counted_for(open_hub: OpenHub, provider: Stub, usage: dict[str, Any]) -> None:
    provider.on("POST", CHAT, _says("x" * 3000, **usage))
    with open_hub(ai_tokens_per_day=500) as hub:
        _customers_write(hub, 2)
        assert len(provider.to(CHAT)) == 1


def test_what_a_service_refuses_costs_nothing_and_what_it_does_not_answer_does(
    open_hub: OpenHub, provider: Stub
) -> None:
    with open_hub(openai_max_tokens=900) as hub:

        def used(answer: Reply) -> int:
            provider.on("POST", CHAT, answer)
            before = sum(each["tokens"] for each in hub.documents("ai_usage"))
            hub.writes(hub.telegram(), "hello", chat=len(provider.requests) + 1000)
            with pytest.raises(ProviderUnavailable):
                hub.work()
            hub._owed.clear()
            return int(sum(each["tokens"] for each in hub.documents("ai_usage")) - before)

        assert used(Reply(500)) == 0
        assert used(Reply(429)) == 0
        assert used(Reply(drop=True)) >= 900


def test_calls_at_once_do_not_all_fit_into_the_rest_of_a_budget(open_hub: OpenHub) -> None:
    with open_hub(ai_tokens_per_day=5000, openai_max_tokens=1000) as hub:
        refusals = []
        start = threading.Barrier(8)

        def call() -> None:
            start.wait()
            for _ in range(5):
                try:
                    reserve(hub.deps, "acme", "gpt-4o-mini", 1)
                except ProviderRejected:
                    refusals.append(1)

        threads = [threading.Thread(target=call) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert 5 <= 40 - len(refusals) <= 5 + 8


def test_a_budget_of_money_needs_the_models_prices() -> None:
    environ = {"AI_MONEY_PER_DAY": "5", "OPENAI_PRICES": "gpt-4o-mini=0.15/0.60"}
    assert load_settings(environ).openai_prices == {"gpt-4o-mini": Price(0.15, 0.6)}
    for changes in ({"OPENAI_PRICES": ""}, {"OPENAI_MODEL": "gpt-dear"}, {"OPENAI_MODELS": "gpt-4o-mini,gpt-dear"}):
        with pytest.raises(ConfigurationInvalid, match=r"^OPENAI_PRICES"):
            load_settings(environ | changes)


@pytest.mark.parametrize(
    "variable",
    [
        {"OPENAI_PRICES": "gpt-4o-mini"},
        {"OPENAI_PRICES": "gpt-4o-mini=cheap"},
        {"OPENAI_PRICES": "gpt-4o-mini=1/-1"},
        {"OPENAI_PRICES": "gpt-4o-mini=nan/1"},
        {"AI_TOKENS_PER_DAY": "0"},
        {"AI_MONEY_PER_DAY": "inf"},
        {"AI_MONEY_PER_DAY": "0"},
        {"OPENAI_MAX_TOKENS": "0"},
    ],
)
def test_a_budget_that_is_none_is_refused_at_the_start(variable: dict[str, str]) -> None:
    [name] = variable
    with pytest.raises(ConfigurationInvalid, match=f"^{name}"):
        load_settings(variable)
