"""What the tests of all channels need to know of one: `tests/channels/<name>/example.py` has an `Example`."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from importlib import import_module
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode

from twilio.request_validator import RequestValidator

from shared import channels
from tests.channels import golden

if TYPE_CHECKING:
    from tests.channels.amazon import Signer
    from tests.pipeline.hub import Hub
    from tests.stubs import Stub

KEY = "7123456:AAhidden-key_hidden-key_hidden-key1"
AMAZON_KEY = {"access_key_id": "AKIA1", "secret_access_key": "aws-secret-1"}
SECRET, ROTATED = "the-agreed-secret-1", "the-agreed-secret-2"


@dataclass(frozen=True, kw_only=True)
class Call:
    """What is to be proved: that who knows `secret` calls `url` with that body, at that time."""

    secret: str
    body: bytes
    url: str = "https://hub.example/webhook"
    at: datetime = golden.RECEIVED_AT


@dataclass(frozen=True)
class Proof:
    """How a channel's webhooks prove themselves: its config with a given secret, and the headers of a call.

    `unsecured` is a config without any secret agreed on; `in_body` is what the
    provider may put into a body although it is a credential. `encoded` is a body
    as it is posted. Where `none_come`, all comes over an account's own
    connection, and every webhook is refused.
    """

    config: Callable[[str], dict[str, Any]]
    headers: Callable[[Call], dict[str, str]]
    query: Callable[[str], dict[str, str]] = lambda secret: {}
    unsecured: Mapping[str, Any] = field(default_factory=dict)
    in_body: Mapping[str, Any] = field(default_factory=dict)
    encoded: Callable[[Any], bytes] = lambda body: json.dumps(body).encode()
    none_come: bool = False


def as_json(body: Any, signer: Signer, provider: Stub) -> tuple[bytes, dict[str, str]]:
    return json.dumps(body).encode(), {"content-type": "application/json"}


def as_form(body: Any, signer: Signer, provider: Stub) -> tuple[bytes, dict[str, str]]:
    return urlencode(body).encode(), {}


def by_amazon(body: Any, signer: Signer, provider: Stub) -> tuple[bytes, dict[str, str]]:
    """As SNS posts it: signed by Amazon for whatever topic it is; whose it is shows in the address."""
    signed = signer.sign(body, f"{provider.url}/SimpleNotificationService-1.pem")
    return json.dumps(signed).encode(), {"content-type": "text/plain", "x-amz-sns-topic-arn": body["TopicArn"]}


def _no_steps(hub: Hub) -> None:
    pass


@dataclass(frozen=True, kw_only=True)
class Recordings:
    """A channel's recordings: `message` is a customer's, in which `id` makes it this one; `echo` is word of our own.

    `posted` gives a recording's body as the provider posts it, with the headers that are no proof. `dated` proofs are
    good for some minutes only. Where `answered` is false nobody ever answers, where `echo_kept` is true the echo is a
    message of somebody that is stored and not answered.
    """

    message: str
    id: str
    echo: str
    posted: Callable[[Any, Signer, Stub], tuple[bytes, dict[str, str]]] = as_json
    proof: Callable[[str, str, Call], dict[str, str]] | None = None
    path: str = "/webhook/{name}/{id}"
    before: Callable[[Hub], None] = _no_steps
    success_status: int = 200
    dated: bool = False
    answered: bool = True
    echo_kept: bool = False


@dataclass(frozen=True)
class Credential:
    """What a type is configured with beside its key, and a provider that takes every key."""

    accepted: Callable[[Stub], None]
    config: dict[str, Any] = field(default_factory=dict)
    key: str = KEY


@dataclass(frozen=True, kw_only=True)
class Example:
    """One channel: how its webhooks prove themselves, recordings to post to a running hub, a credential to try.

    `no_webhooks` and `no_credential` are the reason where there is none. `needs` is what an instance of which nothing
    is known is told to lack; a page of our own lacks nothing.
    """

    proof: Proof
    recordings: Recordings | None = None
    credential: Credential | None = None
    no_webhooks: str = ""
    no_credential: str = ""
    needs: str = ""


def example(name: str) -> Example:
    """The example of a channel; a new channel brings its own."""
    declared: Example = import_module(f"tests.channels.{name}.example").EXAMPLE
    return declared


def examples() -> dict[str, Example]:
    return {name: example(name) for name in channels.names()}


def meta_signature(call: Call) -> dict[str, str]:
    return {"x-hub-signature-256": "sha256=" + hmac.new(call.secret.encode(), call.body, hashlib.sha256).hexdigest()}


def _twilio_signature(call: Call) -> dict[str, str]:
    fields = dict(parse_qsl(call.body.decode(), keep_blank_values=True))
    signature = RequestValidator(call.secret).compute_signature(call.url, fields)
    return {"content-type": "application/x-www-form-urlencoded", "x-twilio-signature": signature}


def twilio_proof() -> Proof:
    return Proof(
        config=lambda secret: {"twilio_account_sid": "AC1", "auth_token": secret},
        headers=_twilio_signature,
        unsecured={"twilio_account_sid": "AC1"},
        encoded=lambda body: urlencode(body).encode(),
    )
