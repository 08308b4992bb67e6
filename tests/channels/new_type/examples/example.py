"""Pigeon Post: how webhooks come, and a credential that is accepted."""

from __future__ import annotations

from tests.channels.example import Credential, Example, Proof, Recordings
from tests.stubs import Reply, Stub


def _accepted(provider: Stub) -> None:
    for method in ("GET", "PUT"):
        provider.on(method, "/loft", Reply(json={"name": "Ours"}))


EXAMPLE = Example(
    proof=Proof(
        config=lambda secret: {"loft_key": "loft-key-1", "webhook_secret": secret},
        headers=lambda call: {"x-loft-secret": call.secret},
        unsecured={"loft_key": "loft-key-1"},
    ),
    recordings=Recordings(message="letter__1", id="letter-number-1", echo="letter__outgoing"),
    credential=Credential(_accepted),
)
