"""What is particular to Discord's calls; the normal forms are golden files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from shared.channel.webhook import Webhook
from shared.channels.discord import inbound
from shared.channels.discord import webhook as webhook_module
from shared.channels.discord.config import DiscordConfig
from shared.channels.discord.gateway import DISPATCHES, INTENTS, update
from shared.config import Settings
from shared.deps import Deps
from shared.domain.instances import Instance
from shared.errors import PayloadInvalid, SignatureInvalid
from tests.channels import golden

FIXTURES = Path(__file__).parent / "fixtures"
KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
PUBLIC = KEY.public_key().public_bytes_raw().hex()

# RFC 8032, section 7.1: tests 2 and 3 (public key, message, signature).
RFC_8032 = [
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
        "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
]


def fixture(name: str) -> dict[str, Any]:
    body: dict[str, Any] = json.loads((FIXTURES / f"{name}.json").read_text("utf-8"))
    return body


def config(public_key: str = PUBLIC) -> DiscordConfig:
    return DiscordConfig.model_validate({"publicKey": public_key})


def signed(body: bytes, *, age: int = 0, key: Ed25519PrivateKey = KEY) -> Webhook:
    sent = str(int(golden.RECEIVED_AT.timestamp()) - age)
    signature = key.sign(sent.encode() + body).hex()
    return golden.webhook(body, headers={"x-signature-timestamp": sent, "x-signature-ed25519": signature})


@pytest.mark.parametrize(("public_key", "message", "signature"), RFC_8032)
def test_the_standards_own_signatures_are_accepted(public_key: str, message: str, signature: str) -> None:
    headers = {"x-signature-timestamp": "", "x-signature-ed25519": signature}
    body = bytes.fromhex(message)
    webhook_module.verify(golden.webhook(body, headers=headers), config(public_key), Settings())
    with pytest.raises(SignatureInvalid):
        webhook_module.verify(golden.webhook(body + b"!", headers=headers), config(public_key), Settings())


def test_what_is_signed_is_time_and_raw_body() -> None:
    webhook = signed(b'{"type": 1, "text": "\xc3\xa1"}')
    webhook_module.verify(webhook, config(), Settings())
    later = {**webhook.headers, "x-signature-timestamp": str(int(webhook.headers["x-signature-timestamp"]) + 1)}
    for forged in (golden.webhook(b"{}", headers=dict(webhook.headers)), golden.webhook(webhook.body, headers=later)):
        with pytest.raises(SignatureInvalid, match=r"config\.publicKey"):
            webhook_module.verify(forged, config(), Settings())


def test_another_applications_signature_is_refused() -> None:
    with pytest.raises(SignatureInvalid):
        webhook_module.verify(signed(b"{}", key=Ed25519PrivateKey.generate()), config(), Settings())


@pytest.mark.parametrize("age", [-301, 301])
def test_an_old_call_is_a_replay(age: int) -> None:
    with pytest.raises(SignatureInvalid, match="five minutes"):
        webhook_module.verify(signed(b"{}", age=age), config(), Settings())


@pytest.mark.parametrize("signature", ["", "zz", "00", "0" * 127, "0" * 128, " " + "0" * 128, "é" * 64])
def test_a_broken_signature_is_refused(signature: str) -> None:
    webhook = golden.webhook(b"{}", headers={**signed(b"{}").headers, "x-signature-ed25519": signature})
    with pytest.raises(SignatureInvalid):
        webhook_module.verify(webhook, config(), Settings())


def test_without_the_key_production_refuses_all() -> None:
    production = Settings.model_validate({"environment": "production", "jwt_secret": "x" * 32, "webhook_strict": False})
    with pytest.raises(SignatureInvalid, match="connect the instance"):
        webhook_module.verify(golden.webhook({}), DiscordConfig(), production)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("interaction__ping", {"type": 1}),
        ("command__in-channel", {"type": 5}),
        ("modal__submitted", {"type": 5}),
        ("component__button", {"type": 6}),
        ("autocomplete__ignored", {"type": 8, "data": {"choices": []}}),
    ],
)
def test_discord_gets_the_response_that_it_expects_at_once(
    deps: Deps, instance: Instance, name: str, expected: dict[str, Any]
) -> None:
    answer = webhook_module.respond(deps, instance, config(), golden.webhook(fixture(name)))
    assert answer is not None
    assert (json.loads(answer.body), answer.status, answer.content_type) == (expected, 200, "application/json")


@pytest.mark.parametrize("name", ["webhook_event__ping", "webhook_event__deauthorized"])
def test_webhook_events_have_a_handshake_of_their_own(deps: Deps, instance: Instance, name: str) -> None:
    answer = webhook_module.respond(deps, instance, config(), golden.webhook(fixture(name)))
    assert answer is not None
    assert (answer.body, answer.status) == ("", 204)


@pytest.mark.parametrize("kind", [None, True, "2", [2], 2.5])
def test_an_interaction_without_a_type_is_refused(kind: object) -> None:
    with pytest.raises(PayloadInvalid, match="type"):
        webhook_module.accept(golden.webhook({"type": kind}))


def test_each_person_has_their_own_chat_in_a_channel() -> None:
    first, second = fixture("command__in-channel"), fixture("command__in-channel")
    second["member"]["user"]["id"] = "7"
    chats = {inbound.parse(body)[0].chat_key for body in (first, second)}  # type: ignore[union-attr]
    assert chats == {"645027906669510667:82198810841029460", "645027906669510667:7"}


def test_what_the_gateway_tells_goes_the_way_of_a_webhook() -> None:
    sent = fixture("gateway_message__direct")
    handed_on = update(sent["bot_id"], sent["t"], sent["d"])
    assert handed_on is not None
    (part,) = webhook_module.accept(golden.webhook(handed_on))
    assert inbound.parse(part.payload) == inbound.parse(sent)
    assert update("1", "PRESENCE_UPDATE", {}) is None


def test_the_gateway_is_asked_for_what_parse_knows() -> None:
    intents = {
        "GUILD_MESSAGES": 9,
        "GUILD_MESSAGE_REACTIONS": 10,
        "DIRECT_MESSAGES": 12,
        "DIRECT_MESSAGE_REACTIONS": 13,
        "DIRECT_MESSAGE_TYPING": 14,
    }
    assert sum(1 << bit for bit in [*intents.values(), 15]) == INTENTS
    recorded = {fixture(path.stem)["t"] for path in FIXTURES.glob("gateway_*.json")}
    assert recorded == DISPATCHES
