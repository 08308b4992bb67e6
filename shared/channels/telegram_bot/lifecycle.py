"""Making a bot's updates come to us."""

from __future__ import annotations

import secrets

from shared.channel.lifecycle import Connection
from shared.channelkit.reachable import only_sends
from shared.channels.telegram_bot.api import PROVIDER, call, result
from shared.channels.telegram_bot.config import TelegramBotConfig
from shared.channels.telegram_bot.inbound import ALLOWED_UPDATES
from shared.deps import Deps
from shared.domain.instances import Instance, InstanceStatus
from shared.errors import ProviderRejected

MAX_CONNECTIONS = 40
"""Deliveries that Telegram may do at once: 1 to 100."""

_SILENT = "no webhook is registered: connect the instance"
PROBE_TIMEOUT = 10.0
"""Seconds; somebody is waiting for the answer."""


def connect(deps: Deps, instance: Instance, config: TelegramBotConfig) -> Connection:
    """Check the token and, where `PUBLIC_URL` is set, register the webhook with a secret of its own.

    A secret that is registered already is kept, so that updates under way stay valid.
    """
    bot_id, name = _bot(deps, config)
    if not deps.settings.public_url:
        return _connected(deps, bot_id, name)
    url = f"{deps.settings.public_url}/api/telegram/bot/webhook/{instance.id}"
    secret = config.webhook_secret.get_secret_value() if config.webhook_secret else secrets.token_urlsafe(32)
    _register(deps, config, url, secret)
    return Connection(
        status=InstanceStatus.CONNECTED,
        webhook_url=url,
        external_id=bot_id,
        display_name=name,
        secrets={"webhook_secret": secret},
    )


def probe(deps: Deps, instance: Instance, config: TelegramBotConfig) -> None:
    """Ask Telegram whose token it is."""
    result(call(deps, config, "getMe", {}, timeout=PROBE_TIMEOUT))


def _register(deps: Deps, config: TelegramBotConfig, url: str, secret: str) -> None:
    parameters = {
        "url": url,
        "secret_token": secret,
        "allowed_updates": list(ALLOWED_UPDATES),
        "max_connections": MAX_CONNECTIONS,
    }
    try:
        result(call(deps, config, "setWebhook", parameters))
    except ProviderRejected as refused:
        raise ProviderRejected(
            PROVIDER,
            f"setWebhook was refused: {refused.reason}. PUBLIC_URL must be an https address that Telegram "
            "can reach on port 443, 80, 88 or 8443",
        ) from None


def status(deps: Deps, instance: Instance, config: TelegramBotConfig) -> Connection:
    """Check the token, and that updates come to us.

    Without `PUBLIC_URL` nobody registers a webhook: a bot that was logged out stays so.
    """
    bot_id, name = _bot(deps, config)
    if deps.settings.public_url:
        webhook = result(call(deps, config, "getWebhookInfo", {}))
        listening = isinstance(webhook, dict) and bool(webhook.get("url"))
    else:
        listening = instance.status not in (InstanceStatus.DISCONNECTED, InstanceStatus.DELETED)
    if not listening:
        return Connection(status=InstanceStatus.DISCONNECTED, external_id=bot_id, display_name=name, detail=_SILENT)
    return _connected(deps, bot_id, name)


def _connected(deps: Deps, bot_id: str, name: str) -> Connection:
    detail = only_sends(deps.settings)
    return Connection(status=InstanceStatus.CONNECTED, external_id=bot_id, display_name=name, detail=detail)


def logout(deps: Deps, instance: Instance, config: TelegramBotConfig) -> Connection:
    """Take the webhook away; `logOut` of the Bot API is something else and locks the token for ten minutes."""
    result(call(deps, config, "deleteWebhook", {}))
    return Connection(status=InstanceStatus.DISCONNECTED, detail=_SILENT)


def remove(deps: Deps, instance: Instance, config: TelegramBotConfig) -> Connection:
    """Take the webhook away; the bot itself belongs to its owner."""
    result(call(deps, config, "deleteWebhook", {}))
    return Connection(status=InstanceStatus.DELETED)


def _bot(deps: Deps, config: TelegramBotConfig) -> tuple[str, str]:
    """The bot's id and what to call it."""
    bot = result(call(deps, config, "getMe", {}))
    if not isinstance(bot, dict) or "id" not in bot:
        raise ProviderRejected(PROVIDER, "getMe did not answer with a bot; check TELEGRAM_API_URL")
    return str(bot["id"]), f"@{bot['username']}" if bot.get("username") else str(bot.get("first_name") or bot["id"])
