"""A widget's visitors: who they are, what they say, and what they may read.

A visitor is known by his token alone; nothing is stored before he says something.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

from shared.channel.webhook import Webhook
from shared.channels.widget.config import WidgetConfig
from shared.channels.widget.inbound import external_message_id
from shared.channels.widget.outbound import room_of
from shared.deps import Deps
from shared.domain.ids import new_id
from shared.domain.instances import Instance
from shared.domain.messages import Direction, Message, MessageKind, MessageStatus
from shared.errors import NotFound, Unauthorized
from shared.ports.store import Order, Where
from shared.security.tokens import VisitorClaims, sign, span, unverified, verify
from shared.usecases import refs
from shared.usecases.ingest import webhooks
from shared.usecases.instances import instance_config, instance_lookup

ADAPTER = "widget"
TOKEN_SECONDS = 180 * 86400
MOST = 100
# Older conversations of one visitor are left to the business.
_CONVERSATIONS = 10


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody who showed a valid token of this widget."""

    instance: Instance
    claims: VisitorClaims
    token: str

    @property
    def id(self) -> str:
        return self.claims.user_id

    @property
    def room(self) -> str:
        """His realtime room, among his tenant's."""
        return room_of(self.instance.id, self.id)


@dataclass(frozen=True, slots=True)
class Session:
    visitor_id: str
    token: str
    expires_at: datetime
    room: str


def widget(deps: Deps, key: str) -> Instance:
    """The widget with this id or name; raises `NotFound`."""
    found = instance_lookup.find_for_webhook(deps, instance_id=key) or instance_lookup.find_for_webhook(deps, name=key)
    if found is None or found.adapter != ADAPTER:
        raise NotFound("there is no such widget")
    return found


def config(deps: Deps, instance: Instance) -> WidgetConfig:
    loaded = instance_config.load_config(deps, instance)
    assert isinstance(loaded, WidgetConfig)  # noqa: S101 - the adapter's own model
    return loaded


def begin(deps: Deps, instance: Instance, name: str | None, email: str | None) -> Session:
    """A new visitor. Raises `NotFound` for a widget that was never connected."""
    return _session(deps, instance, new_id(), name, email)


def renew(deps: Deps, visitor: Visitor) -> Session:
    """A fresh token for the same visitor."""
    return _session(deps, visitor.instance, visitor.id, visitor.claims.name, visitor.claims.email)


def _session(deps: Deps, instance: Instance, visitor_id: str, name: str | None, email: str | None) -> Session:
    issued, expires = span(deps.now(), TOKEN_SECONDS)
    claims = VisitorClaims(
        user_id=visitor_id,
        tenant_id=instance.tenant_id,
        instance_id=instance.id,
        type="visitor",
        name=name,
        email=email,
        iat=issued,
        exp=expires,
    )
    secret = config(deps, instance).visitor_secret
    if secret is None:
        raise NotFound("the widget is not connected yet")
    expires_at = datetime.fromtimestamp(expires, deps.now().tzinfo)
    return Session(visitor_id, sign(claims, secret.get_secret_value()), expires_at, room_of(instance.id, visitor_id))


def authenticate(deps: Deps, instance: Instance, token: str) -> Visitor:
    """The visitor of this widget who shows the token; raises `Unauthorized`."""
    secret = config(deps, instance).visitor_secret
    if secret is None:
        raise Unauthorized("the widget is not connected yet")
    claims = verify(token, secret.get_secret_value(), VisitorClaims, deps.now())
    if claims.instance_id != instance.id:
        raise Unauthorized("Invalid or expired token")
    return Visitor(instance, claims, token)


def recognize(deps: Deps, token: str) -> Visitor | None:
    """The visitor of any widget who shows the token; None when it is not a visitor's, or not a valid one."""
    claims = unverified(token, VisitorClaims)
    if claims is None:
        return None
    try:
        return authenticate(deps, widget(deps, claims.instance_id), token)
    except (NotFound, Unauthorized):
        return None


def say(deps: Deps, visitor: Visitor, text: str, nonce: str) -> str:
    """Take a message as a webhook is taken: durable when this returns. Returns the id it will be stored under."""
    claims = visitor.claims
    body = {
        "visitor": {"id": claims.user_id, "name": claims.name, "email": claims.email},
        "nonce": nonce,
        "text": text,
    }
    webhook = Webhook(
        method="POST",
        headers={"authorization": f"Bearer {visitor.token}"},
        query={},
        body=json.dumps(body).encode(),
        url="",
        received_at=deps.now(),
    )
    webhooks.take(deps, visitor.instance, webhook)
    return refs.provider_message(visitor.instance.id, external_message_id(visitor.id, nonce)).id


def history(deps: Deps, visitor: Visitor, limit: int, cursor: str | None) -> tuple[list[Message], str | None]:
    """What the visitor and the business said to each other here, oldest first; the cursor leads to older messages.

    A page may have fewer messages than `limit`, for not all that is stored is
    meant for him.
    """
    conversations = _conversations(deps, visitor)
    if not conversations:
        return [], None
    page = deps.store.find(
        "messages",
        [Where("conversation_id", "in", conversations)],
        [Order("sent_at", descending=True), Order("created_at", descending=True)],
        limit=min(limit, MOST),
        cursor=cursor,
    )
    found = [Message.model_validate(document.data) for document in reversed(page.documents)]
    return [message for message in found if _is_for(visitor, message)], page.cursor


def _conversations(deps: Deps, visitor: Visitor) -> list[str]:
    identity = refs.identity(visitor.instance.id, visitor.id)
    page = deps.store.find(
        "conversations",
        [Where("identity_id", "==", identity.id)],
        [Order("created_at", descending=True)],
        limit=_CONVERSATIONS,
    )
    return [document.id for document in page.documents]


def _is_for(visitor: Visitor, message: Message) -> bool:
    """A conversation may have gone on elsewhere; notes are the business's own; what died may be said again."""
    return (
        message.instance_id == visitor.instance.id
        and message.direction is not Direction.SYSTEM
        and message.kind is not MessageKind.REACTION
        and message.status is not MessageStatus.DEAD
        and message.deleted_at is None
    )
