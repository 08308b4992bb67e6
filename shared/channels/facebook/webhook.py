"""Messenger's calls: whether they are Meta's, and what they hold."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from shared.channel.webhook import RawPart, Route, Webhook
from shared.channelkit import meta
from shared.channelkit.payloads import json_object
from shared.channels.facebook.config import FacebookConfig, verify_token
from shared.config import Settings
from shared.errors import PayloadInvalid

_log = logging.getLogger(__name__)


def verify(webhook: Webhook, config: FacebookConfig, settings: Settings) -> None:
    """Check `X-Hub-Signature-256` over the raw bytes, for Meta escapes non-ASCII in its own way."""
    meta.check_signature("facebook", webhook, meta.app_secret(config.app_secret, settings), settings)


def challenge(webhook: Webhook, config: FacebookConfig, settings: Settings) -> str:
    """The bare `hub.challenge`, which tells Meta that the callback URL is ours."""
    return meta.answer_challenge("facebook", webhook, verify_token(config, settings))


def accept(webhook: Webhook) -> list[RawPart]:
    """One part for each item of each entry's `messaging`; `standby` belongs to another app."""
    body = json_object("facebook", webhook.body)
    if body.get("object") != "page":
        _log.warning("facebook webhook for another object ignored", extra={"object": str(body.get("object"))[:64]})
        return []
    parts = []
    for entry in meta.objects("facebook", body, "entry"):
        page = entry.get("id")
        if not isinstance(page, (str, int)) or isinstance(page, bool):
            raise PayloadInvalid("facebook: an entry has no id")
        for item in meta.objects("facebook", entry, "messaging") if "messaging" in entry else []:
            parts.append(RawPart(key=f"{page}:{_customer_id(item)}"[:128], payload=item, account=str(page)))
    return parts


def _customer_id(item: Mapping[str, Any]) -> object:
    message = item.get("message")
    echo = isinstance(message, dict) and bool(message.get("is_echo"))
    party = item.get("recipient" if echo else "sender")
    return (party.get("id") or party.get("user_ref", "")) if isinstance(party, dict) else ""


def routes() -> Sequence[Route]:
    """The one address of the app, for all its accounts."""
    return meta.app_routes(
        "/api/facebook/webhook",
        get_summary="Meta asks whether the address is ours.",
        post_summary="Meta's call for any number of pages.",
    )
