"""Discord's calls: whether they are Discord's, what they hold, and what Discord expects within three seconds."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from shared.channel.webhook import RawPart, Webhook, WebhookResponse
from shared.channelkit.payloads import json_object
from shared.channels.discord import gateway
from shared.channels.discord.api import PROVIDER
from shared.channels.discord.config import DiscordConfig
from shared.channels.discord.interactions import AUTOCOMPLETE, COMMAND, COMPONENT, MODAL, PING
from shared.channels.discord.sealing import seal
from shared.config import Settings
from shared.deps import Deps
from shared.domain.instances import Instance
from shared.errors import PayloadInvalid, SignatureInvalid

__all__ = ["accept", "respond", "seal", "verify"]

WINDOW = 300
"""Seconds that a call may be old, or a clock ahead."""


_MOST_DIGITS = 12


_KEPT = frozenset({COMMAND, COMPONENT, MODAL})


_PONG, _DEFERRED, _DEFERRED_UPDATE, _SUGGESTIONS = 1, 5, 6, 8


def verify(webhook: Webhook, config: DiscordConfig, settings: Settings) -> None:
    """Check the Ed25519 signature over time and raw body.

    Discord takes the address away when a wrong signature is accepted
    (https://docs.discord.com/developers/interactions/overview).
    """
    if config.public_key is None:
        if settings.strict_webhooks or settings.production:
            raise SignatureInvalid("discord: the application's public key is not known; connect the instance")
        return
    sent = webhook.headers.get("x-signature-timestamp", "")
    signature = webhook.headers.get("x-signature-ed25519", "")
    if not sent.isascii() or not _matches(config.public_key, signature, sent.encode() + webhook.body):
        raise SignatureInvalid("discord: X-Signature-Ed25519 does not match; check config.publicKey")
    is_late = sent.isdecimal() and (
        len(sent) > _MOST_DIGITS or abs(webhook.received_at.timestamp() - int(sent)) > WINDOW
    )
    if is_late:
        raise SignatureInvalid("discord: X-Signature-Timestamp is more than five minutes off; check the clock")


def _matches(public_key: str, signature: str, signed: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - costs cold start, other channels need none
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey  # noqa: PLC0415 - as above

    try:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key))
        key.verify(bytes.fromhex(signature), signed)
    except (InvalidSignature, ValueError):
        return False
    return True


def accept(webhook: Webhook) -> list[RawPart]:
    """One part for an interaction, or for what the gateway's half hands on, in order within its channel."""
    body = json_object(PROVIDER, webhook.body)
    if "t" in body:
        is_read = isinstance(body["t"], str) and body["t"] in gateway.DISPATCHES
        return [RawPart(key=_channel(body.get("d")), payload=body)] if is_read else []
    if _is_event(body):
        return []  # The app was added or removed somewhere: that is no connection of ours.
    kind = body.get("type")
    if isinstance(kind, bool) or not isinstance(kind, int):
        raise PayloadInvalid("discord: type is missing")
    return [RawPart(key=_channel(body), payload=body)] if kind in _KEPT else []


def _channel(body: object) -> str:
    return str(body.get("channel_id") or "")[:64] if isinstance(body, dict) else ""


def _is_event(body: Mapping[str, Any]) -> bool:
    """Webhook events come in an envelope of their own, and their ping has the type 0."""
    return "event" in body or body.get("type") == 0


def respond(deps: Deps, instance: Instance, config: DiscordConfig, webhook: Webhook) -> WebhookResponse | None:
    """A pong, or that the answer comes later: a reply goes out through the queue."""
    body = json_object(PROVIDER, webhook.body)
    if _is_event(body):
        return WebhookResponse(body="", status=204)
    kind = body.get("type")
    if kind == PING:
        return _json({"type": _PONG})
    if kind == AUTOCOMPLETE:
        return _json({"type": _SUGGESTIONS, "data": {"choices": []}})
    if kind in _KEPT:
        return _json({"type": _DEFERRED_UPDATE if _has_message(body) else _DEFERRED})
    return None


def _has_message(body: Mapping[str, Any]) -> bool:
    """What belongs to a message can be acknowledged in silence; all else shows that the bot is thinking."""
    return isinstance(body.get("message"), dict)


def _json(body: Mapping[str, Any]) -> WebhookResponse:
    return WebhookResponse(body=json.dumps(body))
