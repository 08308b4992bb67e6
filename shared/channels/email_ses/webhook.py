"""Amazon SES's notifications over SNS, cut into parts."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from shared.channel.webhook import RawPart, Webhook
from shared.channelkit.payloads import json_object
from shared.channelkit.sns import envelope
from shared.channelkit.sns_topics import respond, verify, verify_signature
from shared.channels.email_ses.config import PROVIDER

__all__ = ["accept", "respond", "verify", "verify_signature"]

log = logging.getLogger(__name__)


def accept(webhook: Webhook) -> list[RawPart]:
    """One part a notification; confirmations hold nothing to store."""
    message = envelope(webhook)
    if message.Type != "Notification":
        return []
    if not message.Message.lstrip().startswith("{"):
        log.info("a notification in words", extra={"provider": PROVIDER, "topic": message.TopicArn})
        return []
    payload = json_object(PROVIDER, message.Message.encode("utf-8", "replace"))
    return [RawPart(key=_key(payload), payload=payload)]


def _key(payload: Mapping[str, Any]) -> str:
    """Who wrote: what one person sends is handled in order."""
    mail = payload.get("mail")
    source = mail.get("source") if isinstance(mail, dict) else None
    return str(source or "").strip().lower()[:320] or PROVIDER
