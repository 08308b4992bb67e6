"""What an account's connection brings; nobody calls for this channel."""

from __future__ import annotations

from shared.channel.webhook import RawPart, Webhook
from shared.channelkit.payloads import json_object
from shared.channelkit.whatsapp.messages import id_of, key_of
from shared.channelkit.whatsapp.people import address, chat_of, own_address
from shared.channelkit.whatsapp.wire import Fields, fields, text
from shared.channels.whatsapp_web.config import WhatsAppWebConfig
from shared.channels.whatsapp_web.gateway import PROVIDER
from shared.config import Settings
from shared.errors import PayloadInvalid, SignatureInvalid

_ABOUT_CHATS = frozenset({"message", "history", "receipt", "typing"})
_CONNECTION_KEY = "connection"


def verify(webhook: Webhook, config: WhatsAppWebConfig, settings: Settings) -> None:
    """Nobody calls for this channel: what comes, comes over the account's own connection."""
    raise SignatureInvalid(f"{PROVIDER}: this channel takes no webhooks")


def accept(webhook: Webhook) -> list[RawPart]:
    """One part for an update; in order within its chat. What is no chat, such as a status story, gives none."""
    update = json_object(PROVIDER, webhook.body)
    event = text(update.get("event"))
    if event is None:
        raise PayloadInvalid(f"{PROVIDER}: the update names no event")
    key = _chat_key(fields(update.get("data")), own_address(update)) if event in _ABOUT_CHATS else _CONNECTION_KEY
    return [RawPart(key=key, payload=update)] if key is not None else []


def _chat_key(data: Fields, own: str | None) -> str | None:
    key = key_of(data)
    if address(key.get("remoteJid")) is None:
        return (id_of(data) or "unknown")[:128]
    chat = chat_of(key, own)
    return chat.key if chat else None
