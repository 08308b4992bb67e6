"""Webhooks as providers may send them, over the hub's own server."""

from __future__ import annotations

import json
from functools import partial

from functions.webhooks.views import MAX_BODY as MAX_WEBHOOK
from infra.local.server.request_bodies import RequestBodies
from shared.http.app import MAX_BODY, body_limit
from tests.eventually import eventually
from tests.infra.bridging import ask, bridged
from tests.pipeline.hub import Hub


def test_a_webhook_may_come_in_chunks(hub: Hub) -> None:
    path = f"/api/telegram/bot/webhook/{hub.telegram()}"
    body = json.dumps(hub.update(5, "hello")).encode()
    headers = {"Content-Type": "application/json", "Transfer-Encoding": "chunked"}
    app = hub.client.application
    with bridged(hub.deps, app, RequestBodies(MAX_BODY, partial(body_limit, app))) as address:
        answer, _ = ask(address, "POST", path, iter([body[:20], body[20:]]), headers)
    assert answer.status == 200
    assert eventually(hub.messages)[0].text == "hello"


def test_only_webhooks_may_be_long(hub: Hub) -> None:
    app = hub.client.application
    for path in ("/webhook/evolution", "/webhook/evolution/support", "/webhook/whatsapp-evolution/support/call"):
        assert body_limit(app, "POST", path) == MAX_WEBHOOK
    for path in ("/api/facebook/webhook", "/api/telegram/bot/webhook/x", "/webhook/sms/support/status"):
        assert body_limit(app, "POST", path) == 3 * MAX_BODY
    for path in ("/api/auth/login", "/api/messages/send", "/messages/send", "/nowhere"):
        assert body_limit(app, "POST", path) == MAX_BODY
