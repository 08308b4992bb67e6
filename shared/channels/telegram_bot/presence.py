"""That a bot writes, and has read what came over a business account.

https://core.telegram.org/bots/api#sendchataction, https://core.telegram.org/bots/api#readbusinessmessage
"""

from __future__ import annotations

from collections.abc import Sequence

from shared.channels.telegram_bot.address import target
from shared.channels.telegram_bot.api import call, result
from shared.channels.telegram_bot.config import TelegramBotConfig
from shared.channels.telegram_bot.outbound import number_of
from shared.deps import Deps
from shared.domain.instances import Instance
from shared.domain.outbox import OutboxPayload

_TIMEOUT = 5.0
_SHOWN_SECONDS = 5.0


def show_typing(deps: Deps, instance: Instance, config: TelegramBotConfig, payload: OutboxPayload) -> float:
    """Show it for five seconds."""
    chat = target(payload.to)
    chat.pop("direct_messages_topic_id", None)
    result(call(deps, config, "sendChatAction", chat | {"action": "typing"}, _TIMEOUT))
    return _SHOWN_SECONDS


def mark_read(
    deps: Deps,
    instance: Instance,
    config: TelegramBotConfig,
    payload: OutboxPayload,
    external_message_ids: Sequence[str],
) -> None:
    """Mark the latest message, and with it those before; in its own chats a bot always seems to have read all."""
    chat, number = target(payload.to), number_of(external_message_ids[-1])
    if "business_connection_id" in chat and number is not None:
        result(call(deps, config, "readBusinessMessage", chat | {"message_id": number}))
