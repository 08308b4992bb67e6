"""Slack: how webhooks come, and a credential that is accepted."""

from __future__ import annotations

import hashlib
import hmac

from tests.channels.example import (
    SECRET,
    Call,
    Credential,
    Example,
    Proof,
    Recordings,
)
from tests.stubs import Reply, Stub


def _slack_signature(call: Call) -> dict[str, str]:
    sent = str(int(call.at.timestamp()))
    signature = hmac.new(call.secret.encode(), b"v0:" + sent.encode() + b":" + call.body, hashlib.sha256).hexdigest()
    return {"x-slack-request-timestamp": sent, "x-slack-signature": f"v0={signature}"}


def _accepted(provider: Stub) -> None:
    identity = {"ok": True, "team": "Acme", "team_id": "T1", "user_id": "U1", "bot_id": "B1"}
    for method in ("GET", "POST"):
        provider.on(method, "/auth.test", Reply(json=identity))
    provider.on("GET", "/bots.info", Reply(json={"ok": True, "bot": {"app_id": "A1"}}))


EXAMPLE = Example(
    needs="bot_token",
    proof=Proof(
        config=lambda secret: {"bot_token": "xoxb-1", "signing_secret": secret},
        headers=_slack_signature,
        in_body={"token": SECRET, "response_url": f"https://hooks.slack.com/actions/{SECRET}"},
    ),
    recordings=Recordings(message="message_im__text", id="1735689600.000200", echo="message_bot__own-echo", dated=True),
    credential=Credential(_accepted),
)
