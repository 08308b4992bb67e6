"""Telegram's call, as far as it is looked at before it is stored."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from shared.channel.webhook import RawPart, Recipient, Route, Webhook, WebhookResponse
from shared.channelkit.payloads import json_object
from shared.channelkit.signatures import same_secret
from shared.errors import NotFound, PayloadInvalid, SignatureInvalid

if TYPE_CHECKING:
    from shared.channels.telegram_bot.config import TelegramBotConfig
    from shared.config import Settings

SECRET_HEADER = "x-telegram-bot-api-secret-token"  # noqa: S105 - a header's name


def verify(webhook: Webhook, config: TelegramBotConfig, settings: Settings) -> None:
    """Compare the secret token that `setWebhook` was given; there is no signature over the body."""
    expected = config.webhook_secret
    if not expected:
        if settings.strict_webhooks:
            raise SignatureInvalid("telegram_bot: no webhook secret is registered; connect the instance again")
        return
    if not same_secret(webhook.headers.get(SECRET_HEADER), expected.get_secret_value()):
        raise SignatureInvalid("telegram_bot: X-Telegram-Bot-Api-Secret-Token is not config.webhookSecret")


def accept(webhook: Webhook) -> list[RawPart]:
    """One part for an update, in order within its chat."""
    update = json_object("telegram_bot", webhook.body)
    number = update.get("update_id")
    if isinstance(number, bool) or not isinstance(number, int):
        raise PayloadInvalid("telegram_bot: update_id is missing")
    pressed = update.get("callback_query")
    if isinstance(pressed, dict):
        update["callback_query"] = pressed | {"received_at": webhook.received_at.isoformat()}
    return [RawPart(key=_order_key(update), payload=update)]


def _order_key(update: Mapping[str, Any]) -> str:
    """The chat of the one object that an update has beside its number; updates without a chat are read in turn."""
    for body in update.values():
        if isinstance(body, dict):
            message = body.get("message")
            chat = body.get("chat") or (message.get("chat") if isinstance(message, dict) else None)
            source = chat or body.get("from") or body.get("user")
            return str(source.get("id", ""))[:64] if isinstance(source, dict) else ""
    return ""


def routes() -> Sequence[Route]:
    return (
        Route(
            method="POST",
            path="/api/telegram/bot/webhook/<channel_instance_id>",
            summary="Telegram's call for one bot.",
            recipients=_recipients,
            response=WebhookResponse(body='{"ok": true}'),
        ),
    )


def _recipients(parameters: Mapping[str, str], body: bytes) -> Iterator[Recipient]:
    yield Recipient(id=parameters["channel_instance_id"])
    raise NotFound("there is no such channel")
