"""The split functions on Google's emulators, from a provider's webhook to the delivered answer.

Firestore and Pub/Sub are the official emulators, Secret Manager a small server that the real client talks to, the
providers stubs over HTTP, and every function a process started with the image's command. `topics.py` says what the
emulators do not do.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from datetime import UTC, datetime
from typing import Any

import pytest
import requests

from tests.channels.proofs import PROOFS, Call
from tests.channels.slack.test_conversation import slack_rules
from tests.channels.slack.test_inbound import fixture
from tests.crash.driver import PATIENCE
from tests.eventually import eventually
from tests.evolution import answered_shop, evolution_rules, upsert, written
from tests.google.deployment import Shared
from tests.google.split_hub import SplitHub
from tests.pipeline.hub import telegram_rules
from tests.stubs import Received, Reply, Stub

pytestmark = [pytest.mark.slow, pytest.mark.parametrize("deployment", ["google"], indirect=True)]

APP_SECRET = "the-app-secret-of-meta"
TRACE = "0af7651916cd43dd8448eb211c80319c"


@pytest.fixture
def hub(provider: Stub, shared_functions: Shared) -> SplitHub:
    hub = shared_functions.hub
    hub.register()
    return hub


def _call(hub: SplitHub, path: str, body: bytes, **headers: str) -> requests.Response:
    sent = {"Content-Type": "application/json", "traceparent": f"00-{TRACE}-b7ad6b7169203331-01", **headers}
    return requests.post(hub.url + path, data=body, headers=sent, timeout=PATIENCE)


def _conversation(hub: SplitHub) -> list[tuple[str, str, str]]:
    """Direction, text and status of both messages, once the answer has been sent."""

    def answered_messages() -> list[dict[str, Any]]:
        messages = hub.documents("messages")
        final = all(each["status"] in ("received", "sent") for each in messages)
        return messages if len(messages) == 2 and final else []

    ordered = sorted(eventually(answered_messages, PATIENCE), key=lambda each: each["sent_at"])
    assert len(hub.documents("conversations")) == len(hub.documents("customers")) == 1
    assert [item["status"] for item in hub.documents("outbox")] == ["SENT"]
    return [(each["direction"], each["text"], each["status"]) for each in ordered]


def test_a_telegram_conversation(hub: SplitHub, provider: Stub) -> None:
    telegram_rules(provider)
    path = hub.echo_on_telegram()
    person = {"id": 5, "is_bot": False, "first_name": "Ann"}
    message = {"message_id": 1, "date": int(time.time()), "chat": {"id": 5, "type": "private"}, "from": person}
    body = json.dumps({"update_id": 1, "message": message | {"text": "hello"}}).encode()
    answer = _call(hub, path, body)
    assert (answer.status_code, answer.json()) == (200, {"ok": True})
    assert _conversation(hub) == [("inbound", "hello", "received"), ("outbound", "Echo: hello", "sent")]
    [sent] = provider.to("/sendMessage")
    assert sent.json == {"chat_id": "5", "text": "Echo: hello"}
    assert sent.headers["traceparent"].split("-")[1] == TRACE


def test_an_evolution_conversation(hub: SplitHub, provider: Stub) -> None:
    evolution_rules(provider)
    provider.on("POST", "/api/v1/agent/support/run", Reply(json={"message": "how can I help?"}))
    hub.post("/api/v1/instances", answered_shop(provider.url, name="store"), 201)
    body = json.dumps(upsert(written("hello"), "store")).encode()
    answer = _call(hub, "/webhook/evolution/store", body)
    assert (answer.status_code, answer.json()) == (200, {"status": "success", "instance": "store"})
    assert _conversation(hub) == [("inbound", "hello", "received"), ("outbound", "how can I help?", "sent")]
    [agent_request] = provider.to("/api/v1/agent/support/run")
    assert agent_request.headers["x-api-key"] == "agent-key-1"
    [sent] = provider.to("/message/sendText")
    assert sent.headers["apikey"] == "evolution-key-1"
    assert (sent.json["text"], sent.headers["traceparent"].split("-")[1]) == ("how can I help?", TRACE)


def test_a_facebook_conversation(hub: SplitHub, provider: Stub) -> None:
    def me(request: Received) -> Reply:
        assert request.headers["authorization"] == "Bearer token-of-page"
        return Reply(json={"id": "77", "name": "Page"})

    provider.on("GET", "/me", me)
    provider.on("POST", "/messages", Reply(json={"recipient_id": "p1", "message_id": "m-out"}))
    hub.post("/api/agents", {"name": "Echo"}, 201)
    config = {"pageAccessToken": "token-of-page", "appSecret": APP_SECRET}
    hub.post("/api/channels", {"name": "page", "type": "FACEBOOK", "config": config}, 201)
    message = {"mid": "m-1", "text": "hello"}
    event = {
        "sender": {"id": "p1"},
        "recipient": {"id": "77"},
        "timestamp": int(time.time() * 1000),
        "message": message,
    }
    body = json.dumps({"object": "page", "entry": [{"id": "77", "time": 1, "messaging": [event]}]}).encode()
    signature = hmac.new(APP_SECRET.encode(), body, hashlib.sha256).hexdigest()
    path = "/api/facebook/webhook"
    assert _call(hub, path, body, **{"X-Hub-Signature-256": "sha256=" + "0" * 64}).status_code == 401
    answer = _call(hub, path, body, **{"X-Hub-Signature-256": f"sha256={signature}"})
    assert (answer.status_code, answer.text) == (200, "EVENT_RECEIVED")
    assert _conversation(hub) == [("inbound", "hello", "received"), ("outbound", "Echo: hello", "sent")]
    [sent] = provider.to("/77/messages")
    assert sent.json["message"] == {"text": "Echo: hello"}


def test_a_slack_conversation(hub: SplitHub, provider: Stub) -> None:
    slack_rules(provider)
    hub.post("/api/agents", {"name": "Echo"}, 201)
    config = {"botToken": "xoxb-1", "signingSecret": APP_SECRET}
    channel = hub.post("/api/channels", {"name": "team", "type": "SLACK", "config": config}, 201)
    body = json.dumps(fixture("message_im__text")).encode()
    path = f"/webhook/slack/{channel['id']}"
    proof = PROOFS["slack"].headers(Call(secret=APP_SECRET, body=body, at=datetime.now(UTC)))
    stale = PROOFS["slack"].headers(Call(secret=APP_SECRET, body=body))
    for refused in ({}, stale):
        assert _call(hub, path, body, **refused).status_code == 401
    for number in ("0", "1"):
        assert _call(hub, path, body, **proof, **{"X-Slack-Retry-Num": number}).status_code == 200
    text = "Is the red one (https://shop.example/a?b=1&c=2) in stock, <3?"
    assert _conversation(hub) == [("inbound", text, "received"), ("outbound", f"Echo: {text}", "sent")]
    [sent] = provider.to("/chat.postMessage")
    assert sent.headers["authorization"] == "Bearer xoxb-1"
    assert (sent.json["channel"], sent.headers["traceparent"].split("-")[1]) == ("D0PNCRP9N", TRACE)


def test_what_no_deployable_serves_ends_at_the_front_and_what_needs_a_credential_is_refused(hub: SplitHub) -> None:
    assert requests.get(f"{hub.url}/robots.txt", timeout=PATIENCE).status_code == 404
    assert requests.get(f"{hub.url}/api/channels", timeout=PATIENCE).status_code == 401
    assert requests.post(f"{hub.url}/webhook/evolution/nobody", json={}, timeout=PATIENCE).status_code == 404
