"""The Bot API: how webhooks come, and a credential that is accepted."""

from __future__ import annotations

from tests.channels.example import (
    Credential,
    Example,
    Proof,
    Recordings,
)
from tests.pipeline.hub import telegram_rules

EXAMPLE = Example(
    needs="bot_token",
    proof=Proof(
        config=lambda secret: {"bot_token": "123456:AAH", "webhook_secret": secret},
        headers=lambda call: {"x-telegram-bot-api-secret-token": call.secret},
        unsecured={"bot_token": "123456:AAH"},
    ),
    recordings=Recordings(message="message__text", id='"message_id": 41', echo="business_message__own-echo"),
    credential=Credential(telegram_rules),
)
