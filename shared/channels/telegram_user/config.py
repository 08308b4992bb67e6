"""What a Telegram account is configured with; its session is no configuration and lies in a secret of its own."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

TEXT_LIMIT = 4096
"""UTF-16 units."""


class TelegramUserConfig(BaseModel):
    """`groups` false leaves groups alone: most people are in some that are none of their business's."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="ignore")

    groups: bool = True
