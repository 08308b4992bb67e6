"""An Evolution server: how webhooks come, and a credential that is accepted."""

from __future__ import annotations

from tests.channels.example import (
    SECRET,
    Credential,
    Example,
    Proof,
    Recordings,
)
from tests.stubs import Reply, Stub


def _accepted(provider: Stub) -> None:
    provider.on("GET", "/instance/fetchInstances", Reply(json=[]))
    provider.on("GET", "/instance/connectionState/", Reply(json={"instance": {"state": "open"}}))
    provider.on("POST", "/webhook/set/", Reply(201, {}))


EXAMPLE = Example(
    needs="evolution_url",
    proof=Proof(
        config=lambda secret: {"evolution_key": "account-key", "webhook_secret": secret},
        headers=lambda call: {"x-hub-webhook-secret": call.secret},
        in_body={"apikey": SECRET, "destination": f"https://hub.example/webhook?token={SECRET}"},
    ),
    recordings=Recordings(message="in-conversation", id="ACA139DEF1027FE1A94D214C7D2CCE64", echo="in-from-me-phone"),
    credential=Credential(_accepted),
)
