"""What a visitor writes: signed by his token, and of few words."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from pydantic import AwareDatetime, BaseModel, Field

from shared.channel import RawPart, Webhook
from shared.channelkit.payloads import checked, json_object
from shared.channels.widget.config import WidgetConfig
from shared.config import Settings
from shared.domain.inbound import ChannelEvent, MessageReceived, Sender
from shared.domain.messages import MessageKind
from shared.errors import SignatureInvalid, Unauthorized
from shared.security.tokens import VisitorClaims
from shared.security.tokens import verify as verify_token

PROVIDER = "widget"
TEXT_LIMIT = 10_000

_ID = r"^[A-Za-z0-9_-]{1,64}$"


class Visitor(BaseModel):
    id: str = Field(pattern=_ID)
    name: str | None = Field(default=None, max_length=100)
    email: str | None = Field(default=None, max_length=254)


class Said(BaseModel):
    """A message as the widget's endpoint publishes it; `nonce` is the visitor's own id for it."""

    visitor: Visitor
    nonce: str = Field(pattern=_ID)
    text: str = Field(min_length=1, max_length=TEXT_LIMIT)


class Published(Said):
    received_at: AwareDatetime


def verify(webhook: Webhook, config: WidgetConfig, settings: Settings) -> None:
    """Check the visitor's token in `Authorization`, and that nobody but he is named as the writer."""
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
    said = checked(PROVIDER, Said, json_object(PROVIDER, webhook.body))
    payload: dict[str, Any] = said.model_dump(exclude_none=True)
    return [RawPart(key=said.visitor.id, payload=payload | {"received_at": webhook.received_at.isoformat()})]


def parse(payload: Any) -> list[ChannelEvent]:
    said = checked(PROVIDER, Published, payload)
    visitor = said.visitor
    sender = Sender(external_user_id=visitor.id, keys=(visitor.id,), name=visitor.name, email=visitor.email)
    return [
        MessageReceived(
            external_message_id=external_message_id(visitor.id, said.nonce),
            external_conversation_id=visitor.id,
            chat_key=visitor.id,
            sender=sender,
            kind=MessageKind.TEXT,
            text=said.text,
            sent_at=said.received_at,
        )
    ]


def external_message_id(visitor_id: str, nonce: str) -> str:
    """A nonce is its visitor's own business: another one may use the same."""
    return f"{visitor_id}:{nonce}"
