"""An instance's external agent service: how it is asked, and what becomes of what it says."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.eventually import eventually
from tests.evolution import answered_shop, evolution_rules, upsert, written
from tests.pipeline.hub import Hub
from tests.stubs import Reply

RUN = "/api/v1/agent/support/run"


def _omnihub(hub: Hub, **fields: Any) -> None:
    evolution_rules(hub.provider)
    body = answered_shop(hub.provider.url, session_id_prefix="acme-", **fields)
    hub.post("/api/v1/instances", body, 201)


def _whatsapp(hub: Hub, text: str) -> None:
    answer = hub.client.post("/webhook/evolution/shop", json=upsert(written(text)))
    assert answer.json == {"status": "success", "instance": "shop"}


def test_the_external_agent_is_asked_by_its_protocol(hub: Hub) -> None:
    hub.provider.on("POST", RUN, Reply(json={"message": "Hello Maria", "success": True, "session_id": "s"}))
    _omnihub(hub)
    _whatsapp(hub, "oi")
    hub.provider.wait_for("/message/sendText")
    request = hub.provider.to(RUN)[0]
    assert request.headers["x-api-key"] == "agent-key-1"
    assert request.json == {
        "message_content": "oi",
        "message_type": "text",
        "session_name": "acme-5511988887777@s.whatsapp.net",
        "session_origin": "whatsapp",
        "user": {
            "phone_number": "+5511988887777",
            "email": None,
            "user_data": {"name": "Maria", "external_id": "5511988887777@s.whatsapp.net"},
        },
        "media_contents": [],
        "message_limit": 100,
    }
    assert hub.sent_texts("/message/sendText") == ["Hello Maria"]


@pytest.mark.parametrize(
    ("answer", "sent"),
    [
        (Reply(json="just a string"), ["just a string"]),
        (Reply(text="plain text", headers={"content-type": "text/plain"}), ["plain text"]),
        (Reply(json={"message": "one\n\ntwo"}), ["one", "two"]),
        (Reply(json={"message": "x" * 5000}), ["x" * 4096, "x" * 904]),
    ],
)
def test_every_documented_form_of_answer_is_sent(hub: Hub, answer: Reply, sent: list[str]) -> None:
    hub.provider.on("POST", RUN, answer)
    _omnihub(hub)
    _whatsapp(hub, "oi")
    hub.provider.wait_for("/message/sendText", len(sent))
    eventually(hub.idle)
    assert hub.sent_texts("/message/sendText") == sent


def test_an_empty_answer_means_say_nothing(hub: Hub) -> None:
    hub.provider.on("POST", RUN, Reply(json={"message": ""}))
    _omnihub(hub)
    _whatsapp(hub, "oi")
    eventually(lambda: hub.documents("conversations") and not hub.documents("conversations")[0]["needs_reply_since"])
    assert hub.documents("outbox") == []


@pytest.mark.parametrize(
    "failure",
    [
        Reply(500, text="boom"),
        Reply(json={"success": False, "message": "Internal error"}),
        Reply(json=["no"]),
        Reply(text='{"message":' + "[" * 100_000),
        Reply(drop=True),
        Reply(delay=1.5, json={"message": "too late"}),
    ],
    ids=["500", "unsuccessful", "list", "nested", "dropped", "slow"],
)
def test_a_failing_agent_service_is_retried_then_a_human_is_asked_and_the_customer_sees_nothing(
    hub: Hub, failure: Reply
) -> None:
    hub.provider.on("POST", RUN, failure)
    _omnihub(hub, agent_timeout=1)
    _whatsapp(hub, "oi")
    notification = eventually(lambda: hub.documents("notifications", type="agent_failed"), timeout=30)
    assert len(notification) == 1
    assert len(hub.provider.to(RUN)) == 4
    assert hub.documents("conversations")[0]["needs_human"] is True
    assert hub.documents("outbox") == []
    assert "agent-key-1" not in json.dumps(notification, default=str)


def test_an_external_agent_has_no_cooldown(hub: Hub) -> None:
    hub.provider.on("POST", RUN, lambda request: Reply(json={"message": f"re: {request.json['message_content']}"}))
    _omnihub(hub)
    for n in (1, 2):
        _whatsapp(hub, f"message {n}")
        hub.provider.wait_for("/message/sendText", n)
    assert hub.sent_texts("/message/sendText") == ["re: message 1", "re: message 2"]


def test_an_agent_services_markdown_is_whatsapps_notation_too(hub: Hub) -> None:
    hub.provider.on(
        "POST", RUN, Reply(json={"message": "**Hi** Ann, see [the shop](https://shop.example)\n\n- *a*\n- b"})
    )
    _omnihub(hub)
    _whatsapp(hub, "oi")
    hub.provider.wait_for("/message/sendText", 2)
    assert hub.sent_texts("/message/sendText") == ["*Hi* Ann, see the shop (https://shop.example)", "- _a_\n- b"]


@pytest.mark.parametrize("config", [{"answer_format": "plain"}, {"answerFormat": "plain"}, {"parse_mode": "HTML"}])
def test_an_agent_that_writes_a_channels_own_notation_is_taken_at_its_word(hub: Hub, config: dict[str, str]) -> None:
    hub.provider.on("POST", RUN, Reply(json={"message": "*Hi* **Ann**"}))
    _omnihub(hub, config=config)
    _whatsapp(hub, "oi")
    hub.provider.wait_for("/message/sendText")
    assert hub.sent_texts("/message/sendText") == ["*Hi* **Ann**"]
