"""Instagram's calls: whether they are Meta's, and what they hold."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from shared.channel.webhook import RawPart, Route, Webhook
from shared.channelkit import meta
from shared.channelkit.payloads import json_object
from shared.channelkit.signatures import hmac_sha256_matches
from shared.channels.instagram.config import (
    APP_SECRET_SETTING,
    PROVIDER,
    InstagramConfig,
    app_secrets,
    verify_token,
)
from shared.config import Settings
from shared.errors import PayloadInvalid

_log = logging.getLogger(__name__)

MESSAGING_FIELDS = frozenset(
    {
        "messages",
        "message_edit",
        "message_reactions",
        "messaging_postbacks",
        "messaging_referral",
        "messaging_seen",
        "messaging_handover",
        "standby",
    }
)
"""The fields of a webhook whose values are items as in `messaging`; the others are about posts and comments."""


def verify(webhook: Webhook, config: InstagramConfig, settings: Settings) -> None:
    """Check `X-Hub-Signature-256` over the raw bytes.

    An app with an Instagram login has a secret of its own beside that of the Meta app, and either may sign.
    """
    secrets = app_secrets(config, settings)
    header = webhook.headers.get("x-hub-signature-256")
    if not any(hmac_sha256_matches(header, "sha256=", secret, webhook.body) for secret in secrets[1:]):
        first = next(iter(secrets), None)
        meta.check_signature(PROVIDER, webhook, first, settings, setting=APP_SECRET_SETTING)


def challenge(webhook: Webhook, config: InstagramConfig, settings: Settings) -> str:
    """The bare `hub.challenge`, which tells Meta that the callback URL is ours."""
    return meta.answer_challenge(PROVIDER, webhook, verify_token(config, settings))


def accept(webhook: Webhook) -> list[RawPart]:
    """One part for each item of each entry, with the field that it came in, which decides how it is read.

    Accounts with an Instagram login get some items as `changes`, and so do calls that Meta's console sends as a test.
    """
    body = json_object(PROVIDER, webhook.body)
    if body.get("object") != "instagram":
        _log.warning("instagram webhook for another object ignored", extra={"object": str(body.get("object"))[:64]})
        return []
    parts = []
    for entry in meta.objects(PROVIDER, body, "entry"):
        account = entry.get("id")
        if not isinstance(account, (str, int)) or isinstance(account, bool):
            raise PayloadInvalid(f"{PROVIDER}: an entry has no id")
        for field, item in _items(entry):
            key = f"{account}:{_customer_id(item)}"[:128]
            parts.append(RawPart(key=key, payload={"field": field, "item": item}, account=str(account)))
    return parts


def _items(entry: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """What happened, by the field that it is of."""
    for field, name in (("messages", "messaging"), ("standby", "standby")):
        for item in meta.objects(PROVIDER, entry, name) if name in entry else []:
            yield field, item
    for change in meta.objects(PROVIDER, entry, "changes") if "changes" in entry else []:
        value = change.get("value")
        if not isinstance(value, dict):
            raise PayloadInvalid(f"{PROVIDER}: a change has no value")
        yield str(change.get("field"))[:64], value


def _customer_id(item: Mapping[str, Any]) -> object:
    message = item.get("message")
    echo = isinstance(message, dict) and bool(message.get("is_echo"))
    party = item.get("recipient" if echo else "sender")
    return party.get("id") if isinstance(party, dict) else ""


def routes() -> Sequence[Route]:
    """The one address of the app, for all its accounts."""
    return meta.app_routes(
        "/webhook/instagram",
        get_summary="Meta asks whether Instagram's address is ours.",
        post_summary="Meta's call for any number of Instagram accounts.",
    )
