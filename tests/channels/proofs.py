"""How each channel's webhooks prove themselves: a row for each channel."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from twilio.request_validator import RequestValidator

from shared.security.tokens import VisitorClaims, sign, span
from tests.channels import golden

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


def _meta_signature(call: Call) -> dict[str, str]:
    return {"x-hub-signature-256": "sha256=" + hmac.new(call.secret.encode(), call.body, hashlib.sha256).hexdigest()}


def _slack_signature(call: Call) -> dict[str, str]:
    sent = str(int(call.at.timestamp()))
    signature = hmac.new(call.secret.encode(), b"v0:" + sent.encode() + b":" + call.body, hashlib.sha256).hexdigest()
    return {"x-slack-request-timestamp": sent, "x-slack-signature": f"v0={signature}"}


def _ed25519(secret: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(secret.encode()).digest())


def _public_key(secret: str) -> str:
    return _ed25519(secret).public_key().public_bytes_raw().hex()


def _discord_signature(call: Call) -> dict[str, str]:
    sent = str(int(call.at.timestamp()))
    signature = _ed25519(call.secret).sign(sent.encode() + call.body).hex()
    return {"x-signature-timestamp": sent, "x-signature-ed25519": signature}


def _twilio_signature(call: Call) -> dict[str, str]:
    fields = dict(parse_qsl(call.body.decode(), keep_blank_values=True))
    signature = RequestValidator(call.secret).compute_signature(call.url, fields)
    return {"content-type": "application/x-www-form-urlencoded", "x-twilio-signature": signature}


def _twilio() -> Proof:
    return Proof(
        config=lambda secret: {"twilio_account_sid": "AC1", "auth_token": secret},
        headers=_twilio_signature,
        unsecured={"twilio_account_sid": "AC1"},
        encoded=lambda body: urlencode(body).encode(),
    )


def _visitor_token(call: Call) -> dict[str, str]:
    issued, expires = span(call.at, 600)
    claims = VisitorClaims(user_id="v1", tenant_id="t1", instance_id="i1", type="visitor", iat=issued, exp=expires)
    return {"authorization": f"Bearer {sign(claims, call.secret * 2)}"}


_AMAZON_KEY = {"access_key_id": "AKIA1", "secret_access_key": "aws-secret-1"}
_MAIL = {"region": "eu-west-1", "address": "a@shop.example"} | _AMAZON_KEY

PROOFS: Mapping[str, Proof] = {
    "whatsapp_evolution": Proof(
        config=lambda secret: {"evolution_key": "account-key", "webhook_secret": secret},
        headers=lambda call: {"x-hub-webhook-secret": call.secret},
        in_body={"apikey": SECRET, "destination": f"https://hub.example/webhook?token={SECRET}"},
    ),
    "telegram_bot": Proof(
        config=lambda secret: {"bot_token": "123456:AAH", "webhook_secret": secret},
        headers=lambda call: {"x-telegram-bot-api-secret-token": call.secret},
        unsecured={"bot_token": "123456:AAH"},
    ),
    "whatsapp_cloud": Proof(
        config=lambda secret: {"access_token": "EAAB", "phone_number_id": "106540352242922", "app_secret": secret},
        headers=_meta_signature,
        unsecured={"access_token": "EAAB", "phone_number_id": "106540352242922"},
    ),
    "facebook": Proof(
        config=lambda secret: {"page_access_token": "EAAB", "app_secret": secret},
        headers=_meta_signature,
        unsecured={"page_access_token": "EAAB"},
    ),
    "email_ses": Proof(
        config=lambda secret: {"webhook_secret": secret, **_MAIL},
        headers=lambda call: {},
        query=lambda secret: {"token": secret},
        unsecured=_MAIL,
    ),
    "telegram_user": Proof(config=lambda secret: {}, headers=lambda call: {}, none_come=True),
    "discord": Proof(
        config=lambda secret: {"bot_token": "MTk4.bot", "public_key": _public_key(secret)},
        headers=_discord_signature,
        in_body={"token": SECRET},
    ),
    "slack": Proof(
        config=lambda secret: {"bot_token": "xoxb-1", "signing_secret": secret},
        headers=_slack_signature,
        in_body={"token": SECRET, "response_url": f"https://hooks.slack.com/actions/{SECRET}"},
    ),
    "sms_twilio": _twilio(),
    "voice": _twilio(),
    "video": _twilio(),
    "sms_sns": Proof(
        config=lambda secret: {"region": "eu-west-1", "webhook_secret": secret} | _AMAZON_KEY,
        headers=lambda call: {},
        query=lambda secret: {"token": secret},
        unsecured={"region": "eu-west-1"} | _AMAZON_KEY,
    ),
    "widget": Proof(
        config=lambda secret: {"visitor_secret": secret * 2},
        headers=_visitor_token,
    ),
}
