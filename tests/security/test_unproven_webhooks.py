"""Who proves nothing gets little work done: a call is short, charged to its address and checked before it is read."""

from __future__ import annotations

import json
import time
import tracemalloc

import pytest
from pydantic import SecretStr
from werkzeug.test import TestResponse

from functions.webhooks.views import MAX_BODY
from shared import channels
from shared.channelkit.payloads import MOST_VALUES
from shared.config import Settings
from shared.errors import Overloaded
from shared.http.limits import UNPROVEN
from shared.security.memory import BodyMemory
from shared.usecases.ingest.webhooks import UNPROVEN_ACCOUNTS, UNPROVEN_BYTES
from tests.channels.amazon import Signer, make_signer
from tests.channels.lines import LINES, PUBLIC, Caller
from tests.channels.proofs import PROOFS, SECRET, Call
from tests.pipeline.hub import Hub
from tests.stubs import Reply, Stub

MEGABYTE = 1024 * 1024
SHARED = {"facebook": "/api/facebook/webhook", "whatsapp_cloud": "/webhook/whatsapp_cloud", "slack": "/webhook/slack"}
EVOLUTION = "/webhook/evolution"
KEY = "the-operator's-key-of-32-letters"


@pytest.fixture(scope="module")
def signer() -> Signer:
    return make_signer()


@pytest.fixture
def settings(settings: Settings, provider: Stub) -> Settings:
    secret = SecretStr("the-app's-secret")
    changes = {
        "public_url": PUBLIC,
        "aws_endpoint_url": provider.url,
        "webhook_strict": True,
        "api_key": SecretStr(KEY),
    }
    return settings.model_copy(update=changes | {"facebook_app_secret": secret, "slack_signing_secret": secret})


@pytest.fixture
def hub(hub: Hub, signer: Signer) -> Hub:
    hub.provider.on("GET", r"/SimpleNotificationService-1\.pem$", Reply(content=signer.certificate))
    return hub


def dense(size: int) -> bytes:
    """JSON of that length whose values take many times the memory of its letters."""
    return b'{"object":"page","instance":"x","entry":[' + b"{}," * ((size - 100) // 3) + b"{}]}"


def prose(size: int) -> bytes:
    return b"no JSON " * (size // 8)


def seconds(hub: Hub, path: str, body: bytes, **headers: str) -> float:
    """The processor time of the quickest of three calls."""
    readings = []
    for _ in range(3):
        before = time.thread_time()
        answer = hub.client.post(path, data=body, headers={"content-type": "application/json"} | headers)
        readings.append(time.thread_time() - before)
        assert answer.status_code == 401, answer.text
    return min(readings)


@pytest.mark.parametrize("name", SHARED)
def test_at_a_shared_address_nothing_is_read_before_the_apps_secret_has_proved_it(hub: Hub, name: str) -> None:
    forged = {"x-hub-signature-256": "sha256=" + "0" * 64}
    plain = seconds(hub, SHARED[name], prose(MEGABYTE - 1000), **forged)
    assert seconds(hub, SHARED[name], dense(MEGABYTE - 1000), **forged) < 3 * max(plain, 0.003)


@pytest.mark.parametrize("name", SHARED)
def test_a_call_that_proves_nothing_takes_no_more_memory_than_its_body(hub: Hub, name: str) -> None:
    body = dense(MEGABYTE - 1000)
    hub.client.post(SHARED[name], data=body)
    tracemalloc.start()
    hub.client.post(SHARED[name], data=body)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 6 * len(body)


@pytest.mark.parametrize("name", ["facebook", "telegram_bot", "discord", "whatsapp_evolution", "sms_twilio", "slack"])
def test_at_a_channels_own_address_nothing_is_read_before_its_secret_has_proved_it(
    hub: Hub, name: str, signer: Signer
) -> None:
    path = f"/webhook/{name}/{Caller(hub, name, signer).id}"
    forged = {"x-hub-webhook-secret": "guess", "x-hub-signature-256": "sha256=" + "0" * 64}
    plain = seconds(hub, path, prose(MEGABYTE - 1000), **forged)
    assert seconds(hub, path, dense(MEGABYTE - 1000), **forged) < 3 * max(plain, 0.003)


@pytest.mark.parametrize("name", LINES)
def test_no_provider_may_send_more_than_it_ever_does(hub: Hub, name: str, signer: Signer) -> None:
    caller = Caller(hub, name, signer)
    longest = MAX_BODY if name == "whatsapp_evolution" else channels.channel(name).webhook_bytes
    answer = caller.post((prose(longest + MEGABYTE), {"content-type": "application/json"}))
    # A widget's visitors call an address of their own, where nobody learns less than that it is too long.
    code, reason = (413, "too large") if name == "widget" else (401, "longer than the provider's calls are")
    assert answer.status_code == code
    assert reason in answer.text


@pytest.mark.parametrize(
    "path", [EVOLUTION, f"{EVOLUTION}/messages-upsert", f"{EVOLUTION}/shop", "/webhook/whatsapp/shop"]
)
@pytest.mark.parametrize(
    ("header", "status"), [({"x-hub-webhook-secret": SECRET}, 200), ({"x-hub-webhook-secret": "guess"}, 401), ({}, 401)]
)
def test_only_a_proven_evolution_instance_may_send_files(
    hub: Hub, path: str, header: dict[str, str], status: int
) -> None:
    hub.headers = {"Authorization": f"Bearer {KEY}"}
    config = PROOFS["whatsapp_evolution"].config(SECRET)
    hub.post("/api/v1/instances", {"name": "shop", "config": config} | _AGENT, 201)
    message = {"key": {"remoteJid": "4915@s.whatsapp.net", "id": "A"}, "message": {"base64": "A" * 5 * MEGABYTE}}
    event = {"event": "messages.upsert", "instance": "shop", "apikey": "a" * 32, "data": message}
    answer = hub.client.post(path, data=json.dumps(event), headers={"content-type": "application/json"} | header)
    assert answer.status_code == status, answer.text


_AGENT = {"agent_api_url": "https://a.example", "agent_api_key": "k", "default_agent": "a"}


def test_what_has_too_many_values_is_no_webhook(hub: Hub, signer: Signer) -> None:
    caller = Caller(hub, "facebook", signer)
    body = dense(4 * MOST_VALUES)
    answer = caller.post((body, {"content-type": "application/json"}))
    assert (answer.status_code, answer.json["code"]) == (400, "payload_invalid")  # type: ignore[index]  # it has a body


def _shared_call(hub: Hub, entries: int, padding: int = 0) -> TestResponse:
    """Signed with the secret of one channel's own app, which the deployment does not know."""
    entry = [{"id": str(10**14 + number), "messaging": []} for number in range(entries)]
    items = [{"sender": {"id": "1"}, "recipient": {"id": "2"}}]
    body = json.dumps({"object": "page", "entry": [each | {"messaging": items} for each in entry]}).encode()
    body += b" " * padding
    proof = PROOFS["facebook"].headers(Call(secret=SECRET, body=body))
    return hub.client.post(SHARED["facebook"], data=body, headers=proof | {"content-type": "application/json"})


def test_an_app_of_ones_own_may_send_short_calls_for_a_few_accounts_to_the_shared_address(hub: Hub) -> None:
    assert _shared_call(hub, UNPROVEN_ACCOUNTS).status_code == 401
    assert _shared_call(hub, UNPROVEN_ACCOUNTS + 1).status_code == 400
    assert _shared_call(hub, 1, padding=UNPROVEN_BYTES).status_code == 401


def test_an_address_that_sent_too_much_in_vain_is_refused_before_the_work_and_may_still_prove_short_calls(
    hub: Hub, signer: Signer
) -> None:
    caller = Caller(hub, "facebook", signer)
    large = (prose(3 * MEGABYTE - 1000), {"content-type": "application/json"})
    at_most = UNPROVEN.per_minute * 64 * 1024 // (3 * MEGABYTE) + 2
    statuses = [caller.post(large, signed=False).status_code for _ in range(at_most)]
    assert statuses[0] == 401
    assert statuses[-1] == 429
    caller.writes()


def test_a_large_call_that_proves_itself_is_given_back_what_it_was_charged(hub: Hub, signer: Signer) -> None:
    caller = Caller(hub, "facebook", signer)
    body, headers = caller.body(caller.line.message)
    for _ in range(UNPROVEN.per_minute * 64 * 1024 // (3 * MEGABYTE) + 2):
        assert caller.post((body + b" " * (3 * MEGABYTE - len(body)), headers)).status_code == 200


def test_large_bodies_wait_for_memory_and_small_ones_do_not() -> None:
    memory = BodyMemory(total=10, uncounted=2)
    with memory.reserved(8), memory.reserved(2), memory.reserved(2), pytest.raises(Overloaded), memory.reserved(3):
        pass
    with memory.reserved(10):
        pass
