"""WhatsApp's Cloud API: how webhooks come, and a credential that is accepted."""

from __future__ import annotations

from tests.channels.example import (
    Credential,
    Example,
    Proof,
    Recordings,
    meta_signature,
)
from tests.stubs import Reply, Stub

META_NUMBER = "106540352242922"


def _accepted(provider: Stub) -> None:
    provider.on("GET", rf"/(me|{META_NUMBER})\?", Reply(json={"id": META_NUMBER, "name": "Shop"}))


EXAMPLE = Example(
    proof=Proof(
        config=lambda secret: {"access_token": "EAAB", "phone_number_id": "106540352242922", "app_secret": secret},
        headers=meta_signature,
        unsecured={"access_token": "EAAB", "phone_number_id": "106540352242922"},
    ),
    recordings=Recordings(message="text__plain", id="wamid.HBgLMTY1MDM4Nzk0MzkV", echo="echo__from-business-app"),
    credential=Credential(_accepted, {"provider": "cloud", "phone_number_id": META_NUMBER}),
)
