"""Messenger: how webhooks come, and a credential that is accepted."""

from __future__ import annotations

from tests.channels.example import (
    Credential,
    Example,
    Proof,
    Recordings,
    meta_signature,
)
from tests.stubs import Reply, Stub


def _accepted(provider: Stub) -> None:
    provider.on("GET", r"/me\?", Reply(json={"id": "106540352242922", "name": "Shop"}))


EXAMPLE = Example(
    needs="page_access_token",
    proof=Proof(
        config=lambda secret: {"page_access_token": "EAAB", "app_secret": secret},
        headers=meta_signature,
        unsecured={"page_access_token": "EAAB"},
    ),
    recordings=Recordings(message="message__text", id="m_AG5Hz2Uq7tuwNEhXfYYKj8mJEM", echo="message_echo__page-inbox"),
    credential=Credential(_accepted),
)
