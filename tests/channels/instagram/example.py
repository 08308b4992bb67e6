"""Instagram: how webhooks come, and a credential that is accepted."""

from __future__ import annotations

from tests.channels.example import Credential, Example, Proof, Recordings, meta_signature
from tests.stubs import Reply, Stub

ACCOUNT = {"user_id": "17841405822304914", "username": "the_shop", "id": "2478"}


def _accepted(provider: Stub) -> None:
    provider.on("GET", r"/me\?", Reply(json=ACCOUNT))


EXAMPLE = Example(
    needs="access_token",
    proof=Proof(
        config=lambda secret: {"access_token": "IGAA", "app_secret": secret},
        headers=meta_signature,
        unsecured={"access_token": "IGAA"},
    ),
    recordings=Recordings(
        message="message__text",
        id="aWdfZAG1faXRlbToxOklHTWVzc2FnZAUlEOjE3ODQxNDA1ODIyMzA0OTE00001",
        echo="message_echo__in-the-app",
    ),
    credential=Credential(_accepted),
)
