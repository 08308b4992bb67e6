"""LINE's calls: whether they are LINE's, and what they hold."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from typing import Any

from shared.channel.webhook import RawPart, Webhook
from shared.channelkit.payloads import json_object
from shared.channelkit.signatures import same_secret
from shared.channels.line.config import PROVIDER, LineConfig
from shared.config import Settings
from shared.errors import PayloadInvalid, SignatureInvalid


def verify(webhook: Webhook, config: LineConfig, settings: Settings) -> None:
    """Check `X-Line-Signature` over the raw bytes.

    https://developers.line.biz/en/docs/messaging-api/verify-webhook-signature/
    """
    if config.channel_secret is None:
        if settings.strict_webhooks or settings.production:
            raise SignatureInvalid(f"{PROVIDER}: set config.channelSecret, without it no webhook can be trusted")
        return
    secret = config.channel_secret.get_secret_value()
    expected = base64.b64encode(hmac.new(secret.encode(), webhook.body, hashlib.sha256).digest()).decode()
    if not secret or not same_secret(webhook.headers.get("x-line-signature"), expected):
        raise SignatureInvalid(f"{PROVIDER}: X-Line-Signature does not match; check config.channelSecret")


def accept(webhook: Webhook) -> list[RawPart]:
    """One part for each event. LINE tries an address out with a call that has none.

    A reply token is no credential: it is good for nothing without the channel access token.
    """
    body = json_object(PROVIDER, webhook.body)
    events, bot = body.get("events"), body.get("destination")
    if not isinstance(events, list) or not all(isinstance(event, dict) for event in events):
        raise PayloadInvalid(f"{PROVIDER}: events is not a list of objects")
    account = bot if isinstance(bot, str) and bot else None
    return [RawPart(key=f"{account}:{_chat(event)}"[:128], payload=event, account=account) for event in events]


def _chat(event: Mapping[str, Any]) -> object:
    """What is handled in order; events without a source are about the account itself."""
    source = event.get("source")
    if not isinstance(source, dict):
        return ""
    return source.get("groupId") or source.get("roomId") or source.get("userId")
