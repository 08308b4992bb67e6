"""Discord: how webhooks come, and a credential that is accepted."""

from __future__ import annotations

import hashlib

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.channels.example import (
    SECRET,
    Call,
    Credential,
    Example,
    Proof,
    Recordings,
)
from tests.stubs import Reply, Stub


def _ed25519(secret: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(secret.encode()).digest())


def _public_key(secret: str) -> str:
    return _ed25519(secret).public_key().public_bytes_raw().hex()


def _discord_signature(call: Call) -> dict[str, str]:
    sent = str(int(call.at.timestamp()))
    signature = _ed25519(call.secret).sign(sent.encode() + call.body).hex()
    return {"x-signature-timestamp": sent, "x-signature-ed25519": signature}


def _accepted(provider: Stub) -> None:
    provider.on("GET", "/applications/@me$", Reply(json={"id": "77", "name": "Bot", "verify_key": "ab" * 32}))


EXAMPLE = Example(
    needs="bot_token",
    proof=Proof(
        config=lambda secret: {"bot_token": "MTk4.bot", "public_key": _public_key(secret)},
        headers=_discord_signature,
        in_body={"token": SECRET},
    ),
    recordings=Recordings(
        message="command__in-direct-message", id="1308922111111111169", echo="gateway_message__own", dated=True
    ),
    credential=Credential(_accepted),
)
