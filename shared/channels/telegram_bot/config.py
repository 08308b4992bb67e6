"""What a Telegram bot instance is configured with."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr
from pydantic.alias_generators import to_camel

from shared.config import ChannelSettings
from shared.setting_forms import Url


class TelegramBotSettings(ChannelSettings):
    """Where the Bot API is."""

    telegram_api_url: Url = "https://api.telegram.org"


class TelegramBotConfig(BaseModel):
    """`webhook_secret` is made when the instance is connected; without `parse_mode` texts are sent as they are."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="ignore")

    bot_token: SecretStr = Field(min_length=1)
    webhook_secret: SecretStr | None = None
    parse_mode: Literal["HTML", "MarkdownV2", "Markdown"] | None = None


def account_id(config: TelegramBotConfig) -> str | None:
    """The bot's id, with which its token begins (https://core.telegram.org/bots/api#authorizing-your-bot)."""
    bot_id, colon, _ = config.bot_token.get_secret_value().partition(":")
    return bot_id if colon and bot_id.isdecimal() else None
