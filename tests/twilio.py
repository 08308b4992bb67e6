"""A Twilio that signs its posts with Twilio's own code and accepts every request."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count
from typing import Any
from urllib.parse import parse_qs

import pytest
from flask.testing import FlaskClient
from twilio.request_validator import RequestValidator
from werkzeug.test import TestResponse

from shared.config import Settings
from tests.pipeline.hub import Hub
from tests.pipeline.manual_hub import ManualHub
from tests.stubs import Received, Reply, Stub

ACCOUNT = "AC00000000000000000000000000000001"
TOKEN = "auth-token-of-the-account"
PUBLIC = "https://hub.example"
BUSINESS_NUMBER, CUSTOMER = "+14155550100", "+14155550123"
NUMBER_SID = "PN00000000000000000000000000000001"
CONFIG: Mapping[str, str] = {"twilio_account_sid": ACCOUNT, "auth_token": TOKEN, "phone_number": BUSINESS_NUMBER}


def posts(client: FlaskClient, address: str, fields: Mapping[str, str], token: str = TOKEN) -> TestResponse:
    """Twilio posts a form to an address of ours, which begins with `PUBLIC` or is a path."""
    path = address.removeprefix(PUBLIC)
    signature = RequestValidator(token).compute_signature(PUBLIC + path, dict(fields))
    return client.post(path, data=dict(fields), headers={"X-Twilio-Signature": signature})


def form(received: Received) -> dict[str, list[str]]:
    """The fields of a form that we sent."""
    return parse_qs(received.body.decode(), keep_blank_values=True)


def field(received: Received, name: str) -> str:
    [value] = form(received)[name]
    return value


def twilio_rules(provider: Stub) -> None:
    """Play a Twilio that owns the number and takes everything."""
    sids = count(1)

    def created(prefix: str) -> Any:
        return lambda request: Reply(201, {"sid": f"{prefix}{next(sids):032}", "status": "queued"})

    has_number(provider)
    provider.on("POST", rf"/IncomingPhoneNumbers/{NUMBER_SID}\.json", Reply(json={"sid": NUMBER_SID}))
    provider.on("POST", r"/Messages\.json$", created("SM"))
    provider.on("GET", r"/Calls\.json", Reply(json={"calls": []}))
    provider.on("POST", r"/Calls\.json$", created("CA"))
    provider.on("POST", r"/Calls/CA\w+\.json$", Reply(json={"sid": "CA", "status": "in-progress"}))
    provider.on("GET", r"/v1/Rooms", Reply(json={"rooms": []}))
    provider.on("POST", r"/v1/Rooms$", created("RM"))


def has_number(provider: Stub, **fields: str) -> None:
    """The account owns the number; `fields` add to what Twilio says of it."""
    number = {"sid": NUMBER_SID, "phone_number": BUSINESS_NUMBER, **fields}
    provider.on("GET", r"IncomingPhoneNumbers\.json", Reply(json={"incoming_phone_numbers": [number]}))


def refusal(code: int, message: str = "No.", status: int = 400) -> Reply:
    about = {"code": code, "message": message, "more_info": f"https://www.twilio.com/docs/errors/{code}"}
    return Reply(status, about | {"status": status})


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"public_url": PUBLIC})


@pytest.fixture
def hub(hub: Hub) -> Hub:
    twilio_rules(hub.provider)
    return hub


@pytest.fixture
def manual_hub(manual_hub: ManualHub) -> ManualHub:
    twilio_rules(manual_hub.provider)
    return manual_hub
