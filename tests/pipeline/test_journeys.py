"""The journey of a message: each step with its time and reason, and in words why something did not arrive."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest

from shared.errors import ProviderUnavailable
from tests.evolution import answered_shop, evolution_rules, upsert, written
from tests.functions.keys import new_owner, signed_in
from tests.pipeline.manual_hub import ManualHub
from tests.stubs import Reply

RUN = "/api/v1/agent/support/run"


def _journey(hub: ManualHub, message_id: str) -> dict[str, Any]:
    journey: dict[str, Any] = hub.get(f"/api/messages/{message_id}/journey")
    return journey


def _names(journey: dict[str, Any]) -> list[str]:
    return [step["name"] for step in journey["steps"]]


def test_an_answered_message_is_followed_from_the_webhook_to_the_provider_that_took_the_answer(
    manual_hub: ManualHub,
) -> None:
    manual_hub.echo_agent()
    manual_hub.customer_writes(manual_hub.telegram(), "hello")
    manual_hub.work()
    question, answer = manual_hub.messages()

    journey = _journey(manual_hub, question.id)

    assert _names(journey) == ["received", "verified", "stored", "asked", "answered", "sent"]
    assert journey["steps"][4]["messageId"] == answer.id
    assert journey["steps"][5]["answer"] == answer.external_message_id
    assert [step["at"] is None for step in journey["steps"]] == [False, False, True, True, False, False]
    assert journey["traceId"] == str(question.traceparent).split("-")[1]
    assert journey["explanation"].startswith("It was answered.")
    assert _names(_journey(manual_hub, answer.id)) == ["accepted", "sent"]
    stranger = signed_in(manual_hub.deps, new_owner(manual_hub.deps, "stranger@example.com"))
    assert manual_hub.client.get(f"/api/messages/{answer.id}/journey", headers=stranger).status_code == 404


@pytest.mark.parametrize(
    ("refusal", "names", "code", "explanation"),
    [
        (Reply(403, json={"ok": False, "description": "Not today"}), ["tried", "dead"], "rejected", "refused"),
        (Reply(500, json={"ok": False, "description": "Not today"}), ["tried", "waiting"], "unavailable", "next one"),
    ],
    ids=["dead", "tried again"],
)
def test_each_try_comes_with_what_the_provider_said_and_what_that_means(
    manual_hub: ManualHub, refusal: Reply, names: list[str], code: str, explanation: str
) -> None:
    manual_hub.customer_writes(manual_hub.telegram(), "hello")
    manual_hub.work()
    manual_hub.provider.on("POST", r"/bot[^/]+/send", refusal)
    body = {"conversationId": manual_hub.conversation().id, "text": "Hi"}
    message_id = manual_hub.post("/api/messages/send", body, 202)["message"]["id"]
    manual_hub.work()

    journey = _journey(manual_hub, message_id)

    assert _names(journey) == ["accepted", *names]
    assert [step["code"] for step in journey["steps"]] == [None, code, code]
    assert all("Not today" in step["answer"] for step in journey["steps"][1:])
    assert explanation in journey["explanation"]


@pytest.mark.parametrize(
    ("change", "code"),
    [({}, "no_agent"), ({"autoReply": False}, "automatic_answers_are_turned_off"), ({"blocked": True}, "blocked")],
)
def test_it_is_said_why_nobody_answered(manual_hub: ManualHub, change: dict[str, bool], code: str) -> None:
    channel_id = manual_hub.telegram()
    if "blocked" in change:
        manual_hub.post("/api/access/rules", {"effect": "block", "kind": "address", "value": "5"}, 201)
    manual_hub.customer_writes(channel_id, "hello")
    manual_hub.work()
    if "autoReply" in change:
        manual_hub.patch(f"/api/conversations/{manual_hub.conversation().id}/auto-reply", {"enabled": False})
    [message] = manual_hub.messages()

    last = _journey(manual_hub, message.id)["steps"][-1]

    assert (last["name"], last["code"]) == ("nobody_answered", code)
    assert last["text"].endswith(".")


def test_an_agent_that_failed_is_named_with_its_reason(manual_hub: ManualHub) -> None:
    evolution_rules(manual_hub.provider)
    body = answered_shop(manual_hub.provider.url)
    manual_hub.post("/api/v1/instances", body, 201)
    manual_hub.provider.on("POST", RUN, Reply(400, text="no such agent"))
    manual_hub.client.post("/webhook/evolution/shop", json=upsert(written("oi")))
    for _ in range(4):
        with suppress(ProviderUnavailable):
            manual_hub.work()
        manual_hub.wait(minutes=1)
    message = manual_hub.messages()[0]

    steps = _journey(manual_hub, message.id)["steps"]

    assert (steps[-1]["name"], steps[-1]["code"]) == ("nobody_answered", "agent_failed")
