"""Every answer that means no, and what the hub makes of it."""

from __future__ import annotations

from typing import Any

import pytest

from shared.channels.whatsapp_evolution import outbound
from shared.deps import Deps
from shared.domain.outbox import OutboxPayload
from shared.errors import (
    ConnectionLost,
    OutcomeUnknown,
    ProviderDown,
    ProviderError,
    ProviderRejected,
    ProviderUnavailable,
)
from tests.channels.whatsapp_evolution.samples import MARIA, answer, config, instance
from tests.stubs import Reply, Stub


def send(deps: Deps, evolution: Stub) -> None:
    payload = OutboxPayload(external_conversation_id=MARIA, text="oi")
    outbound.send(deps, instance(), config(evolution_url=evolution.url), payload)


def error(status: int, message: object, **more: Any) -> Reply:
    return Reply(status, {"status": status, "error": "Bad Request", "response": {"message": message}} | more)


UNKNOWN_INSTANCE = ['The "acme-support" instance does not exist']
NO_WHATSAPP = [{"jid": "5511000000000@s.whatsapp.net", "exists": False, "number": "5511000000000"}]
NO_SOCKET = ["TypeError: Cannot read properties of undefined (reading 'sendMessage')"]
GRAPH = {"message": "(#131047) Re-engagement message", "type": "OAuthException", "code": 131047}

FAILURES: dict[str, tuple[Reply, type[ProviderError], str]] = {
    "not on WhatsApp": (error(400, NO_WHATSAPP), ProviderRejected, "not on WhatsApp"),
    "rate limit": (Reply(400, answer("err-send-fail")), ProviderUnavailable, "slow down"),
    "closed, 500": (error(500, "Connection Closed"), ConnectionLost, "socket"),
    "closed, 400": (error(400, ["Error: Connection Closed"]), ConnectionLost, "socket"),
    "never connected": (error(400, NO_SOCKET), ConnectionLost, "socket"),
    "WhatsApp is slow": (error(400, ["Error: Timed Out"]), ProviderUnavailable, "in time"),
    "key refused": (error(401, "Unauthorized"), ProviderRejected, "evolution_key was refused"),
    "key forbidden": (error(403, "Forbidden"), ProviderRejected, "evolution_key was refused"),
    "unknown instance": (error(404, UNKNOWN_INSTANCE), ProviderRejected, "whatsapp_instance"),
    "no Evolution": (Reply(404, text="<html>"), ProviderRejected, "evolution_url"),
    "schema": (Reply(400, answer("err-no-text")), ProviderRejected, 'requires property "text"'),
    "empty text": (Reply(400, answer("err-empty-text")), ProviderRejected, "Text is required"),
    "no response": (Reply(400, {"status": 400, "error": "x", "message": "flat words"}), ProviderRejected, "flat words"),
    "licence": (Reply(503, {"error": "LICENSE_REQUIRED", "message": "no"}), ProviderDown, "LICENSE_REQUIRED"),
    "licence code": (Reply(503, {"code": "LICENSE_REQUIRED"}), ProviderDown, "activate"),
    "time-out": (Reply(408), ProviderUnavailable, "408"),
    "early": (Reply(425), ProviderUnavailable, "425"),
    "internal": (error(500, "boom"), ProviderUnavailable, "boom"),
    "bad gateway": (Reply(502, text="<html>bad</html>"), ProviderDown, "502"),
    "gateway time-out": (Reply(504, text="<html>"), OutcomeUnknown, "gateway"),
    "redirect": (Reply(301, headers={"location": "https://elsewhere.example/"}), ProviderRejected, "evolution_url"),
    "teapot": (Reply(418, text=""), ProviderRejected, "418"),
    "Graph error": (Reply(201, GRAPH), ProviderRejected, "131047"),
    "Graph error, wrapped": (Reply(201, {"error": GRAPH}), ProviderRejected, "131047"),
    "Graph rate limit": (Reply(201, {"message": "pair rate", "code": 131056}), ProviderUnavailable, "pair rate"),
    "200 with an error": (Reply(200, {"error": True, "message": "[object Object]"}), ProviderUnavailable, "object"),
    "no id": (Reply(201, {"key": {}}), OutcomeUnknown, "message id"),
    "no JSON": (Reply(200, text="OK"), OutcomeUnknown, "message id"),
    "no object": (Reply(200, ["OK"]), OutcomeUnknown, "message id"),
    "no answer": (Reply(drop=True), OutcomeUnknown, "without an answer"),
}


@pytest.mark.parametrize(("reply", "kind", "detail"), FAILURES.values(), ids=FAILURES)
def test_a_failure_says_what_to_do(
    deps: Deps, provider: Stub, reply: Reply, kind: type[ProviderError], detail: str
) -> None:
    provider.on("POST", "sendText", reply)
    with pytest.raises(ProviderError) as failed:
        send(deps, provider)
    assert type(failed.value) is kind
    assert detail in failed.value.detail
    assert "K3Y" not in failed.value.detail


def test_a_wish_to_wait_is_passed_on(deps: Deps, provider: Stub) -> None:
    provider.on("POST", "sendText", Reply(429, {"message": "later"}, headers={"retry-after": "17"}))
    with pytest.raises(ProviderUnavailable) as failed:
        send(deps, provider)
    assert failed.value.retry_after == 17
