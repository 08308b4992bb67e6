"""Making a bot's updates come to us."""

from __future__ import annotations

import secrets

from shared.channel import Connection
from shared.channels.telegram_bot.api import PROVIDER, call, result
from shared.channels.telegram_bot.config import TelegramBotConfig
from shared.channels.telegram_bot.inbound import ALLOWED_UPDATES
from shared.deps import Deps
from shared.domain.instances import Instance, InstanceStatus
from shared.errors import ProviderRejected

MAX_CONNECTIONS = 40
"""Deliveries that Telegram may do at once: 1 to 100."""


def connect(deps: Deps, instance: Instance, config: TelegramBotConfig) -> Connection:
    """Check the token and, where `PUBLIC_URL` is set, register the webhook with a secret of its own.

    A secret that is registered already is kept, so that updates under way stay valid.
    """
    bot = result(call(deps, config, "getMe", {}))
    if not isinstance(bot, dict) or "id" not in bot:
        raise ProviderRejected(PROVIDER, "getMe did not answer with a bot; check TELEGRAM_API_URL")
    name = f"@{bot['username']}" if bot.get("username") else str(bot.get("first_name") or bot["id"])
    if not deps.settings.public_url:
        return Connection(status=InstanceStatus.CONNECTED, external_id=str(bot["id"]), display_name=name)
    url = f"{deps.settings.public_url}/api/telegram/bot/webhook/{instance.id}"
    secret = config.webhook_secret.get_secret_value() if config.webhook_secret else secrets.token_urlsafe(32)
    _register(deps, config, url, secret)
    return Connection(
        status=InstanceStatus.CONNECTED,
        webhook_url=url,
        external_id=str(bot["id"]),
        display_name=name,
        secrets={"webhook_secret": secret},
    )


def _register(deps: Deps, config: TelegramBotConfig, url: str, secret: str) -> None:
    wanted = {
        "url": url,
        "secret_token": secret,
        "allowed_updates": list(ALLOWED_UPDATES),
        "max_connections": MAX_CONNECTIONS,
    }
    try:
        result(call(deps, config, "setWebhook", wanted))
    except ProviderRejected as refused:
        raise ProviderRejected(
            PROVIDER,
            f"setWebhook was refused: {refused.reason}. PUBLIC_URL must be an https address that Telegram "
            "can reach on port 443, 80, 88 or 8443",
        ) from None
