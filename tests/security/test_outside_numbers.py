"""Numbers that others tell: a pause without end, one of thousands of digits or none at all breaks nothing."""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from typing import Any

import pytest

from shared.channelkit.payloads import json_object
from shared.channelkit.providers import Reply as ProviderReply
from shared.channelkit.signatures import jwt_hs256_matches
from shared.channels.discord import api as discord
from shared.channels.whatsapp_cloud import media
from shared.errors import LONGEST_PAUSE, Overloaded, ProviderUnavailable, TooManyRequests
from shared.http.google_callers import fetch_certificates
from shared.outgoing import Answer
from shared.security import tokens
from tests.eventually import eventually
from tests.evolution import evolution_rules
from tests.pipeline.hub import Hub
from tests.stubs import Reply

DAY = LONGEST_PAUSE
PAUSES = {
    "inf": None,
    "-inf": None,
    "nan": None,
    "1e400": None,
    "Infinity": None,
    "": None,
    "Wed, 21 Oct 2026 07:28:00 GMT": None,
    "-5": 0.0,
    "0": 0.0,
    "2.5": 2.5,
    "1e300": DAY,
    "9" * 300: DAY,
}


@pytest.mark.parametrize(("header", "seconds"), PAUSES.items(), ids=[header[:30] or "empty" for header in PAUSES])
def test_a_pause_that_is_asked_for_lasts_a_day_at_most(header: str, seconds: float | None) -> None:
    assert Answer(503, {"retry-after": header}, b"").retry_after == seconds


@pytest.mark.parametrize("seconds", [float("inf"), float("nan"), -1.0, 10**400, 5.0])
def test_no_error_carries_a_pause_that_nobody_can_wait_for(seconds: float) -> None:
    for error in (ProviderUnavailable("p", "r", seconds), TooManyRequests("d", seconds), Overloaded("d", seconds)):
        assert error.retry_after is not None
        assert 0 <= error.retry_after <= DAY
        assert timedelta(seconds=error.retry_after) <= timedelta(days=1)


@pytest.mark.parametrize("header", ["inf", "nan", "1e300", "9" * 400, "-inf"])
def test_a_provider_that_asks_for_any_pause_makes_no_error_of_ours(hub: Hub, header: str) -> None:
    evolution_rules(hub.provider)
    hub.whatsapp()
    hub.provider.on("POST", "/instance/restart/", Reply(status=503, json={}, headers={"retry-after": header}))
    hub.provider.on("PUT", "/instance/restart/", Reply(status=503, json={}, headers={"retry-after": header}))
    answer = hub.client.post("/api/v1/instances/shop/restart", headers=hub.headers)
    assert answer.get_json()["code"] == "provider_unavailable"
    assert 0 < int(answer.headers.get("Retry-After", "1")) <= DAY


@pytest.mark.parametrize("pause", [10**30, 10**18, -1, True])
def test_a_message_waits_a_day_at_most(hub: Hub, pause: int) -> None:
    refusal = {"ok": False, "error_code": 429, "description": "Too Many Requests", "parameters": {"retry_after": pause}}
    hub.provider.on("POST", r"/bot[^/]+/sendMessage", Reply(status=429, json=refusal))
    body = {"channelInstanceId": hub.telegram(), "externalUserId": "5", "text": "Hi"}
    hub.post("/api/messages/send", body, 202)
    [item] = eventually(lambda: [each for each in hub.documents("outbox") if each["next_retry_at"]])
    assert item["next_retry_at"] <= hub.deps.now() + timedelta(days=1)


@pytest.mark.parametrize("value", ["inf", "nan", 10**400, -1, 10**6, "9" * 5000, None, [], True])
def test_discords_pauses_are_bounded(value: Any) -> None:
    seconds = discord.retry_after(ProviderReply(Answer(429, {"retry-after": "3"}, b""), {"retry_after": value}))
    assert seconds is not None
    assert 0 <= seconds <= DAY


@pytest.mark.parametrize("body", ["Infinity", "NaN", "-Infinity", "1e400", "9" * 5000])
def test_an_answer_holds_finite_numbers(body: str) -> None:
    assert Answer(200, {}, body.encode()).json() is None
    assert Answer(200, {}, b'{"a": [1, NaN, 1e400, -Infinity]}').json() == {"a": [1, None, None, None]}


@pytest.mark.parametrize("number", ["1" + "0" * 30, "-" + "9" * 25, "9" * 300, str(2**63), str(-(2**63) - 1)])
def test_a_number_of_more_than_64_bits_in_a_webhook_can_be_kept(number: str) -> None:
    value = json_object("provider", b'{"a": %b}' % number.encode())["a"]
    assert isinstance(value, float)
    assert json_object("provider", b'{"a": %d}' % (2**63 - 1))["a"] == 2**63 - 1


def test_a_file_of_any_length_is_judged() -> None:
    assert [media._too_large(size) for size in ("9" * 5000, 10**400, 5, "5", None)] == [True, True, False, False, False]


@pytest.mark.parametrize("age", ["9" * 5000, "999999999", "0", "x"])
def test_certificates_are_kept_for_a_day_at_most(hub: Hub, age: str) -> None:
    certificates = Reply(json={"keys": []}, headers={"cache-control": f"max-age={age}"})
    hub.provider.on("GET", "/certs", certificates)
    assert 0 <= fetch_certificates(hub.deps.http, f"{hub.provider.url}/certs").max_age <= DAY


def _token(payload: str) -> str:
    def part(text: str) -> str:
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")

    return f"{part(json.dumps({'alg': 'HS256', 'typ': 'JWT'}))}.{part(payload)}.{part('signature')}"


@pytest.mark.parametrize("payload", ['{"exp": Infinity}', '{"exp": 1e400}', "[" * 5000, '{"exp": %s}' % ("9" * 4000)])
def test_a_token_with_impossible_times_or_depth_is_refused(payload: str) -> None:
    assert tokens.unverified(_token(payload), tokens.VisitorClaims) is None
    assert not jwt_hs256_matches(_token(payload), "key", 1)
