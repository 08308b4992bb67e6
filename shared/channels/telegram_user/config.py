"""What a Telegram account is configured with; its session is no configuration and lies in a secret of its own."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr
from pydantic.alias_generators import to_camel

from shared.config import ChannelSettings

TEXT_LIMIT = 4096
"""UTF-16 units."""


class TelegramUserSettings(ChannelSettings):
    """The application that people's accounts are logged in to (https://my.telegram.org)."""

    telegram_api_id: int | None = Field(default=None, gt=0)
    telegram_api_hash: SecretStr | None = None


class TelegramUserConfig(BaseModel):
    """`groups` false leaves groups alone: most people are in some that are none of their business's.

    Its other values say what machines answer there, which is the hub's affair.
    """

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="ignore")

    groups: bool | Literal["addressed", "all"] = True
