"""Pigeon Post's calls: one letter each."""

from __future__ import annotations

from shared.channel.webhook import RawPart, Webhook
from shared.channelkit.payloads import json_object
from shared.channelkit.signatures import same_secret
from shared.config import Settings
from shared.errors import SignatureInvalid

from .config import PROVIDER, PigeonConfig


def verify(webhook: Webhook, config: PigeonConfig, settings: Settings) -> None:
    if config.webhook_secret is None:
        if settings.strict_webhooks:
            raise SignatureInvalid("pigeon: there is no webhook secret; connect the instance")
    elif not same_secret(webhook.headers.get("x-loft-secret"), config.webhook_secret.get_secret_value()):
        raise SignatureInvalid("pigeon: X-Loft-Secret is not config.webhookSecret")


def accept(webhook: Webhook) -> list[RawPart]:
    letter = json_object(PROVIDER, webhook.body)
    return [RawPart(key=str(letter.get("loft"))[:64], payload=letter)]
