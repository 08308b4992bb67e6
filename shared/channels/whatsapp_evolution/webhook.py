"""Whether a webhook comes from the Evolution server that the instance is registered at.

Evolution signs nothing. What it can be told to send is a fixed header or a JWT;
what else proves a caller is knowing the account's key, or a token in the
webhook's own address.
"""

from __future__ import annotations

from typing import Any

from pydantic import SecretStr

from shared.channel.webhook import RawPart, Webhook
from shared.channelkit.payloads import json_object
from shared.channelkit.signatures import jwt_hs256_matches, same_secret
from shared.channelkit.whatsapp import messages
from shared.channelkit.whatsapp.people import address, chat_of, own_address
from shared.channelkit.whatsapp.wire import Fields, fields, text
from shared.channels.whatsapp_evolution.chat_presence import writer
from shared.channels.whatsapp_evolution.config import EvolutionConfig
from shared.channels.whatsapp_evolution.event_names import (
    CONNECTION_EVENTS,
    MESSAGE_EVENTS,
    PRESENCE_EVENT,
    canonical,
    items,
    note_unknown,
)
from shared.channels.whatsapp_evolution.routes import routes
from shared.config import Settings
from shared.errors import PayloadInvalid, SignatureInvalid

__all__ = ["LARGEST", "SECRET_HEADER", "accept", "chat_key", "routes", "slim", "verify", "verify_head"]

SECRET_HEADER = "x-hub-webhook-secret"  # noqa: S105 - a header's name, not a secret

LARGEST = 20 * 1024 * 1024
"""Bytes; Evolution puts files into the body when it is told to."""

# Retries carry the first attempt's JWT, which Evolution lets expire after ten minutes.
_JWT_LEEWAY = 3600.0


def verify(webhook: Webhook, config: EvolutionConfig, settings: Settings) -> None:
    """Accept a webhook that carries any proof; raises `SignatureInvalid`.

    A wrong header is refused whatever else is right. Without any proof it
    passes only where none was ever agreed on and `WEBHOOK_STRICT` is off.
    """
    if _head_proves(webhook, config) or _knows_the_key(webhook, config):
        return
    if config.webhook_secret or config.jwt_key:
        raise SignatureInvalid(f"the webhook lacks the header {SECRET_HEADER}: connect the instance again")
    if settings.strict_webhooks:
        raise SignatureInvalid("WEBHOOK_STRICT refuses unsigned webhooks: connect the instance, which makes a secret")


def verify_head(webhook: Webhook, config: EvolutionConfig, settings: Settings) -> None:
    """Accept a webhook that carries a proof outside of its body; raises `SignatureInvalid`."""
    if not _head_proves(webhook, config):
        raise SignatureInvalid(f"a webhook of this length has to carry the header {SECRET_HEADER}: connect it again")


def _head_proves(webhook: Webhook, config: EvolutionConfig) -> bool:
    """Whether header, bearer token or address carry a proof; raises `SignatureInvalid` for a wrong header."""
    secret, jwt_key = _clear(config.webhook_secret), _clear(config.jwt_key)
    header = webhook.headers.get(SECRET_HEADER)
    if header is not None and secret:
        if not same_secret(header, secret):
            raise SignatureInvalid(f"the header {SECRET_HEADER} is not the instance's webhook_secret: connect it again")
        return True
    bearer = _bearer(webhook)
    if bearer is not None and (secret or jwt_key):
        if not same_secret(bearer, secret) and not jwt_hs256_matches(bearer, jwt_key, _JWT_LEEWAY):
            raise SignatureInvalid("the Authorization header matches neither webhook_secret nor jwt_key")
        return True
    return same_secret(_token(webhook), secret)


def _clear(secret: SecretStr | None) -> str:
    return secret.get_secret_value() if secret else ""


def _bearer(webhook: Webhook) -> str | None:
    """The bearer token; other schemes belong to a proxy in between."""
    scheme, _, token = webhook.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def _token(webhook: Webhook) -> str | None:
    """`?token=`; with `byEvents` on, Evolution appends `/messages-upsert` to the query, too."""
    token = webhook.query.get("token")
    return token.partition("/")[0] if token else None


def _knows_the_key(webhook: Webhook, config: EvolutionConfig) -> bool:
    """`apikey` in the body is the account's token where the server exposes it, else null."""
    keys = [_clear(key) for key in (config.evolution_key, config.instance_token) if key]
    key_in_body = _body_key(webhook) if keys else None
    return any(same_secret(key_in_body, key) for key in keys)


def _body_key(webhook: Webhook) -> str | None:
    try:
        return text(_webhook_object(webhook.body).get("apikey"))
    except PayloadInvalid:
        return None


def _webhook_object(body: bytes) -> dict[str, Any]:
    """A webhook's body; raises `PayloadInvalid`. Evolution cuts names in the middle of emoji."""
    return json_object("whatsapp_evolution", body, half_character="\ufffd")


_CONNECTION_KEY = "connection"


# `destination` is our own address with its token, `apikey` the account's credential.
_DROPPED = frozenset({"apikey", "api_key", "destination", "data"})


# Files are fetched by id; inline they would make events too large to publish.
_LARGEST_INLINE = 64 * 1024


def accept(webhook: Webhook) -> list[RawPart]:
    """Cut a webhook into one part per message or change of connection; raises `PayloadInvalid`.

    Ignored and unknown events give no part. Parts of one chat have the same key.
    """
    body = _webhook_object(webhook.body)
    event = text(body.get("event")) or text(webhook.suffix.strip("/"))
    if event is None:
        raise PayloadInvalid("the webhook's body names no event")
    name = canonical(event)
    if name not in MESSAGE_EVENTS | CONNECTION_EVENTS | {PRESENCE_EVENT}:
        note_unknown(name)
        return []
    rest = {field: value for field, value in body.items() if field not in _DROPPED} | {"event": event}
    parts = [(chat_key(name, item, body), slim(item)) for item in items(name, body.get("data"))]
    return [RawPart(key=key, payload={**rest, "data": item}) for key, item in parts if key is not None]


def chat_key(name: str, item: Fields, body: Fields) -> str | None:
    """The chat's canonical address; None for what is no chat, such as status stories."""
    if name in CONNECTION_EVENTS:
        return _CONNECTION_KEY
    if name == PRESENCE_EVENT:
        return writer(item)
    key = messages.key_of(item)
    if address(key.get("remoteJid")) is None:
        return (messages.id_of(item) or "unknown")[:128]
    chat = chat_of(key, own_address(body))
    return chat.key if chat else None


def slim(item: Fields) -> Fields:
    """A message without the file that Evolution may have put into it."""
    message = fields(item.get("message"))
    inline = message.get("base64")
    if not isinstance(inline, str) or len(inline) <= _LARGEST_INLINE:
        return item
    return {**item, "message": {name: value for name, value in message.items() if name != "base64"}}
