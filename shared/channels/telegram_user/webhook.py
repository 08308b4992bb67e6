"""What an account's connection brings; nobody calls for this channel."""

from __future__ import annotations

from shared.channel.webhook import RawPart, Webhook
from shared.channelkit.payloads import checked, json_object
from shared.channels.telegram_user.config import TelegramUserConfig
from shared.channels.telegram_user.gateway import PROVIDER
from shared.channels.telegram_user.updates import Update
from shared.config import Settings
from shared.errors import PayloadInvalid, SignatureInvalid


def verify(webhook: Webhook, config: TelegramUserConfig, settings: Settings) -> None:
    """Nobody calls for this channel: what comes, comes over the account's own connection."""
    raise SignatureInvalid("telegram_user: this channel takes no webhooks")


def accept(webhook: Webhook) -> list[RawPart]:
    """One part for an update in our JSON; in order within its chat, and deletions that name none in the account."""
    update = json_object(PROVIDER, webhook.body)
    read = checked(PROVIDER, Update, update)
    message = read.message or read.edited
    if message is None and read.deleted is None and read.typing is None:
        raise PayloadInvalid(f"{PROVIDER}: there is no update")
    chat = message.chat.id if message else read.deleted.chat if read.deleted else read.typing
    return [RawPart(key="account" if chat is None else str(chat), payload=update)]
