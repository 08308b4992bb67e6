"""Integrations: which are configured, and whether a credential works."""

from __future__ import annotations

import logging
import re
from dataclasses import replace
from typing import Any

import pytest
from flask.testing import FlaskClient

from functions.dashboard.main import blueprints
from shared.config import Settings
from shared.deps import Deps
from shared.domain.instances import ChannelType
from shared.errors import BadRequest
from shared.logs import JSONFormatter
from shared.outgoing import Outgoing
from shared.ports.store import Merge
from tests import refs
from tests.apps import create_app
from tests.functions.dashboard.golden import golden, shape
from tests.functions.dashboard.people import channel
from tests.stubs import Reply, Stub

BODY = golden("integration_test_request")
KEY = "7123456:AAhidden-key_hidden-key_hidden-key1"


@pytest.fixture
def evolution(provider: Stub) -> Stub:
    provider.on("GET", r"/instance/fetchInstances", Reply(json=[]))
    return provider


def test_nothing_configured_is_an_empty_list(client: FlaskClient) -> None:
    assert client.get("/integrations/status").json == {"integrations": []}


def test_each_configured_type_is_listed_once_with_its_best_channel(client: FlaskClient, deps: Deps) -> None:
    printed = golden("integrations_status_response")["integrations"][0]
    for type_, status in (
        (ChannelType.WIDGET, "error"),
        (ChannelType.WHATSAPP, "error"),
        (ChannelType.WHATSAPP, "connected"),
    ):
        deps.store.commit([Merge(refs.instance(channel(deps, type_).id), {"status": status})])
    integrations: Any = client.get("/integrations/status").json["integrations"]  # type: ignore[index]
    assert [(each["type"], each["status"]) for each in integrations] == [("whatsapp", "connected"), ("chat", "error")]
    assert shape(integrations[0]) == shape(printed)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", integrations[0]["last_sync"])


def test_the_printed_test_gives_the_printed_answer(client: FlaskClient, evolution: Stub) -> None:
    answer: Any = client.post("/integrations/whatsapp/test", json=BODY)
    printed = golden("integration_test_response")
    assert answer.status_code == 200
    assert shape(answer.json) == shape(printed)
    assert answer.json | {"latency": 150} == printed
    [request] = evolution.to("fetchInstances")
    assert request.headers["apikey"] == "test-key"


@pytest.mark.parametrize(
    ("type_", "method", "path", "reply"),
    [
        ("telegram_bot", "POST", r"/bottest-key/getMe", Reply(json={"ok": True, "result": {"id": 7}})),
        ("facebook", "GET", r"/v[0-9.]+/me", Reply(json={"id": "1"})),
    ],
)
def test_other_providers_are_asked_their_own_way(
    client: FlaskClient, provider: Stub, type_: str, method: str, path: str, reply: Reply
) -> None:
    provider.on(method, path, reply)
    answer: Any = client.post(f"/integrations/{type_}/test", json={"api_key": "test-key"}).json
    assert (answer["success"], answer["test_result"]) == (True, "Connection successful")


@pytest.mark.parametrize("type_", ["whatsapp", "telegram-bot", "facebook"])
@pytest.mark.parametrize(
    "reply", [Reply(401, {"message": f"bad {KEY}", "description": f"bad {KEY}"}), Reply(500), Reply(drop=True)]
)
def test_a_refusal_is_an_answer_and_names_no_key(
    client: FlaskClient, provider: Stub, caplog: pytest.LogCaptureFixture, type_: str, reply: Reply
) -> None:
    provider.on("GET", r"", reply)
    provider.on("POST", r"", reply)
    with caplog.at_level(logging.DEBUG):
        answer: Any = client.post(f"/integrations/{type_}/test", json={"api_key": KEY})
    assert (answer.status_code, answer.json["success"]) == (200, False)
    assert answer.json["test_result"]
    assert type(answer.json["latency"]) is int
    written = [JSONFormatter().format(record) for record in caplog.records]
    assert KEY not in "".join([answer.text, *written])


@pytest.fixture
def twilio(provider: Stub) -> Stub:
    provider.on("GET", r"/IncomingPhoneNumbers\.json", Reply(json={"incoming_phone_numbers": []}))
    return provider


def test_a_provider_behind_several_types_is_tried_by_its_name(client: FlaskClient, twilio: Stub) -> None:
    lacking: Any = client.post("/integrations/twilio/test", json=BODY).json
    assert (lacking["success"], "twilio_account_sid" in lacking["test_result"]) == (False, True)
    tried: Any = client.post("/integrations/Twilio/test", json={"api_key": "AC1:test-key"}).json
    assert (tried["success"], tried["test_result"]) == (True, "Connection successful")
    [request] = twilio.requests
    assert request.path.startswith("/2010-04-01/Accounts/AC1/IncomingPhoneNumbers.json")


def test_a_provider_stands_as_the_best_of_the_channels_that_it_carries(client: FlaskClient, deps: Deps) -> None:
    for type_, status in ((ChannelType.SMS, "error"), (ChannelType.VOICE, "connected"), (ChannelType.WIDGET, "error")):
        deps.store.commit([Merge(refs.instance(channel(deps, type_).id), {"status": status})])
    integrations: Any = client.get("/integrations/status").json["integrations"]  # type: ignore[index]
    assert [(each["type"], each["status"]) for each in integrations] == [
        ("sms", "error"),
        ("voice", "connected"),
        ("chat", "error"),
        ("twilio", "connected"),
    ]
    assert shape(integrations[-1]) == shape(golden("integrations_status_response")["integrations"][1])


def test_nothing_is_kept(client: FlaskClient, deps: Deps, evolution: Stub) -> None:
    client.post("/integrations/whatsapp/test", json=BODY)
    assert deps.store.count("instances") == 0
    assert client.get("/integrations/status").json == {"integrations": []}


def test_without_a_key_the_stored_one_is_tried_at_the_stored_address(
    client: FlaskClient, deps: Deps, evolution: Stub
) -> None:
    channel(deps, ChannelType.WHATSAPP, config={"evolution_key": "stored-key"})
    body = {"evolution_url": "http://127.0.0.1:9/elsewhere"}
    answer: Any = client.post("/integrations/whatsapp/test", json=body).json
    assert answer["success"] is True
    [request] = evolution.to("fetchInstances")
    assert request.headers["apikey"] == "stored-key"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, "api_key is missing"),
        ({"api_key": ""}, "api_key is missing"),
        ({"api_key": "ключ"}, "api_key holds characters"),
        ({"api_key": "a\u0007b"}, "api_key holds characters"),
        ({"api_key": "k", "evolution_url": "http://169.254.169.254"}, "never called"),
        ({"api_key": "k", "evolution_url": "http://a..b." + "c" * 70 + "/"}, ""),
        ({"api_key": "k", "integration": "OTHER"}, "integration"),
    ],
)
def test_what_cannot_be_tried_says_why(client: FlaskClient, body: Any, expected: str) -> None:
    answer: Any = client.post("/integrations/whatsapp/test", json=body)
    assert (answer.status_code, answer.json["success"]) == (200, False)
    assert expected in answer.json["test_result"]


@pytest.mark.parametrize("error", [BadRequest("no"), ValueError("label empty or too long")], ids=repr)
def test_an_address_that_turns_out_to_be_none_is_told_without_its_error(
    deps: Deps, evolution: Stub, error: Exception
) -> None:
    client = create_app(replace(deps, http=Unreachable(deps.settings, error)), blueprints()).test_client()
    answer: Any = client.post("/integrations/whatsapp/test", json=BODY).json
    assert (answer["success"], answer["test_result"]) == (False, "the address cannot be called")


class Unreachable(Outgoing):
    """A client whose calls fail before anything is sent."""

    def __init__(self, settings: Settings, error: Exception) -> None:
        super().__init__(settings)
        self._error = error

    def request(self, *arguments: Any, **options: Any) -> Any:
        raise self._error


def test_a_type_without_a_credential_works_as_soon_as_it_is_configured(client: FlaskClient) -> None:
    answer: Any = client.post("/integrations/chat/test", json=BODY).json
    assert answer == {"success": False, "test_result": "no channel of this type is configured", "latency": 0}
    assert client.post("/channels/chat/configure", json={}).status_code == 200
    answer = client.post("/integrations/chat/test", json=BODY).json
    assert answer == {"success": True, "test_result": "Connection successful", "latency": 0}


def test_types_that_nobody_knows_and_keys_that_are_no_text_are_refused(client: FlaskClient) -> None:
    assert client.post("/integrations/pigeon/test", json=BODY).status_code == 400
    assert client.post("/integrations/whatsapp/test", json={"api_key": 5}).status_code == 400
