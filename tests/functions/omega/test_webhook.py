"""What scripts send to Omega's webhook: alerts for somebody, and questions that the agent answers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from functions.omega.main import blueprints
from shared.domain.accounts import Role
from shared.domain.messages import Author, Direction
from tests.apps import create_app
from tests.evolution import Evolution, recorded
from tests.functions.keys import key_for
from tests.pipeline.manual_hub import ManualHub
from tests.stubs import Reply, Stub

ALERT = {"source": "github", "message": "the build is broken", "mode": "direct", "target": "4711"}


@pytest.fixture
def hub(manual_hub: ManualHub) -> ManualHub:
    """A hub with a Telegram bot, called with a key as a bearer token and nothing else."""
    manual_hub.telegram()
    manual_hub.headers = key_for(manual_hub.deps, manual_hub.tenant_id)
    return manual_hub


def _whatsapp(hub: ManualHub, provider: Stub) -> None:
    Evolution(provider).state = "open"
    provider.on("POST", "/message/", Reply(201, recorded("rest-sendText")))
    agent = {"agent_api_url": "http://localhost:3000", "agent_api_key": "agent-key-5678", "default_agent": "support"}
    hub.post("/api/v1/instances", agent | {"name": "shop", "evolution_key": "K3Y" * 5}, 201)


@pytest.mark.parametrize("channel", [{}, {"channel": "telegram"}, {"channel": "Telegram-Bot", "mode": "DIRECT"}])
def test_an_alert_goes_out_word_for_word(hub: ManualHub, channel: dict[str, str]) -> None:
    answer = hub.post("/api/webhook", ALERT | channel)
    assert answer == {"status": "delivered", "channel": "telegram", "target": "4711"}
    hub.work()
    assert hub.sent_texts() == ["the build is broken"]
    assert hub.provider.to("/sendMessage")[0].json["chat_id"] in ("4711", 4711)


def test_telegram_goes_before_whatsapp_unless_the_script_says_so(hub: ManualHub, provider: Stub) -> None:
    _whatsapp(hub, provider)
    assert hub.post("/api/webhook", ALERT)["channel"] == "telegram"
    on_whatsapp = ALERT | {"channel": "whatsapp", "target": "+5511988887777"}
    assert hub.post("/api/webhook", on_whatsapp) == {
        "status": "delivered",
        "channel": "whatsapp",
        "target": "+5511988887777",
    }
    hub.work()
    (request,) = provider.to("/message/sendText/")
    assert request.json["text"] == "the build is broken"


def test_a_channel_that_is_not_configured_is_passed_over(manual_hub: ManualHub, provider: Stub) -> None:
    agent = {"agent_api_url": "http://localhost:3000", "agent_api_key": "agent-key-5678", "default_agent": "support"}
    manual_hub.post("/api/v1/instances", agent | {"name": "bare", "channel_type": "telegram_bot"}, 201)
    _whatsapp(manual_hub, provider)
    assert manual_hub.post("/api/webhook", ALERT | {"target": "+5511988887777"})["channel"] == "whatsapp"


def test_a_question_is_answered_by_the_agent_to_whom_it_is_about(manual_hub: ManualHub) -> None:
    manual_hub.echo_agent()
    manual_hub.telegram()
    manual_hub.headers = key_for(manual_hub.deps, manual_hub.tenant_id)
    answer = manual_hub.post("/api/webhook", ALERT | {"mode": "ai", "message": "why?"}, 202)
    assert (answer["status"], type(answer["request_id"])) == ("queued", str)
    manual_hub.work()
    question, reply = manual_hub.messages()
    assert question.text == "[webhook:github] why?"
    assert manual_hub.sent_texts() == [reply.text]


def test_two_questions_alike_are_two(hub: ManualHub) -> None:
    ids = {hub.post("/api/webhook", ALERT | {"mode": "ai"}, 202)["request_id"] for _ in range(2)}
    assert len(ids) == 2
    assert [message.author for message in hub.messages(Direction.INBOUND)] == [Author.CUSTOMER] * 2


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"source": " "}, "source"),
        ({"message": ""}, "message"),
        ({"mode": "later"}, "mode"),
        ({"target": None}, "target"),
        ({"channel": "pigeon"}, "channel"),
        ({"channel": "slack"}, "slack"),
        ({"zebra": 1}, "zebra"),
    ],
)
def test_a_script_is_told_what_is_wrong(hub: ManualHub, changes: dict[str, Any], named: str) -> None:
    refused = hub.post("/api/webhook", ALERT | changes, 400)
    assert named in refused["error"]
    assert hub.messages() == []


def test_only_who_may_write_and_has_a_channel_is_served(hub: ManualHub) -> None:
    hub.headers = key_for(hub.deps, hub.tenant_id, Role.VIEWER)
    hub.post("/api/webhook", ALERT, 403)
    hub.headers = {"Authorization": "Basic x"}
    assert hub.post("/api/webhook", ALERT, 401)["error"]
    hub.headers = key_for(hub.deps, "other")
    assert "channel" in hub.post("/api/webhook", ALERT, 400)["error"]


def test_switched_off_there_is_no_webhook_and_no_web_page_may_call_it(hub: ManualHub) -> None:
    page = {"Origin": "http://localhost:5173", "Access-Control-Request-Method": "POST"}
    assert "Access-Control-Allow-Origin" not in hub.client.options("/api/webhook", headers=page).headers
    off = replace(hub.deps, settings=hub.deps.settings.model_copy(update={"api_enabled": False}))
    client = create_app(off, blueprints()).test_client()
    assert client.post("/api/webhook", json=ALERT, headers=hub.headers).status_code == 404
