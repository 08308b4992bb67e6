"""LINE: how webhooks come, and a credential that is accepted."""

from __future__ import annotations

import base64
import hashlib
import hmac

from tests.channels.example import Call, Credential, Example, Proof, Recordings
from tests.stubs import Reply, Stub

BOT = {"userId": "U8e742f61d673b39c7fff3cecb7536ef0", "basicId": "@216ru", "displayName": "Shop", "chatMode": "bot"}


def signature(call: Call) -> dict[str, str]:
    digest = hmac.new(call.secret.encode(), call.body, hashlib.sha256).digest()
    return {"x-line-signature": base64.b64encode(digest).decode()}


def _accepted(provider: Stub) -> None:
    provider.on("GET", "/v2/bot/info$", Reply(json=BOT))


EXAMPLE = Example(
    needs="channel_access_token",
    proof=Proof(
        config=lambda secret: {"channel_access_token": "token-1", "channel_secret": secret},
        headers=signature,
        unsecured={"channel_access_token": "token-1"},
    ),
    recordings=Recordings(message="message__text", id="500000000000000001", echo="message__standby", echo_kept=True),
    credential=Credential(_accepted),
)
