"""The hub's own widget: how webhooks come, and a credential that is accepted."""

from __future__ import annotations

import json
from typing import Any

from shared.security.tokens import VisitorClaims, sign, span
from tests.channels.amazon import Signer
from tests.channels.example import (
    Call,
    Example,
    Proof,
    Recordings,
)
from tests.stubs import Stub


def _visitor_token(call: Call) -> dict[str, str]:
    issued, expires = span(call.at, 600)
    claims = VisitorClaims(user_id="v1", tenant_id="t1", instance_id="i1", type="visitor", iat=issued, exp=expires)
    return {"authorization": f"Bearer {sign(claims, call.secret * 2)}"}


def _by_visitor(body: Any, signer: Signer, provider: Stub) -> tuple[bytes, dict[str, str]]:
    return json.dumps({"text": body["text"], "nonce": body["nonce"]}).encode(), {"content-type": "application/json"}


def _visitor(name: str, instance_id: str, call: Call) -> dict[str, str]:
    """The widget's endpoint also checks for which widget a token is."""
    issued, expires = span(call.at, 600)
    claims = VisitorClaims(
        user_id="v1", tenant_id="t1", instance_id=instance_id, type="visitor", iat=issued, exp=expires
    )
    return {"authorization": f"Bearer {sign(claims, call.secret * 2)}"}


EXAMPLE = Example(
    proof=Proof(config=lambda secret: {"visitor_secret": secret * 2}, headers=_visitor_token),
    recordings=Recordings(
        message="message__text",
        id='"n1"',
        # Only visitors post here: the business's own messages never arrive at this endpoint.
        echo="",
        posted=_by_visitor,
        proof=_visitor,
        path="/widget/{id}/messages",
        success_status=202,
    ),
    no_credential="its provider is the hub",
)
