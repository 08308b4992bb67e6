"""A visitor's call: signed by their token, with one short text, or files that were uploaded before."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from shared.channel.webhook import RawPart, Webhook
from shared.channelkit.payloads import checked, json_object
from shared.channels.widget.config import WidgetConfig
from shared.channels.widget.inbound import PROVIDER, Said
from shared.config import Settings
from shared.errors import SignatureInvalid, Unauthorized
from shared.security.tokens import VisitorClaims
from shared.security.tokens import verify as verify_token


def verify(webhook: Webhook, config: WidgetConfig, settings: Settings) -> None:
    """Check the visitor's token in `Authorization`, and that nobody else is named as the writer."""
    if config.visitor_secret is None:
        if settings.strict_webhooks:
            raise SignatureInvalid("widget: visitor_secret is missing; connect the instance")
        return
    token = webhook.headers.get("authorization", "").removeprefix("Bearer ")
    claims = _claims(token, config.visitor_secret.get_secret_value(), webhook.received_at)
    if _named(webhook.body) not in (None, claims.user_id):
        raise SignatureInvalid("widget: the token is another visitor's")


def _claims(token: str, secret: str, now: datetime) -> VisitorClaims:
    try:
        return verify_token(token, secret, VisitorClaims, now)
    except Unauthorized:
        raise SignatureInvalid("widget: the visitor's token is not valid") from None


def _named(body: bytes) -> object:
    try:
        visitor = json.loads(body)["visitor"]
        return visitor["id"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return None


def accept(webhook: Webhook) -> list[RawPart]:
    message = checked(PROVIDER, Said, json_object(PROVIDER, webhook.body))
    payload: dict[str, Any] = message.model_dump(mode="json", exclude_none=True)
    return [RawPart(key=message.visitor.id, payload=payload | {"received_at": webhook.received_at.isoformat()})]
