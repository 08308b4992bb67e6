"""What a Discord instance is configured with; the application's id is the instance's `external_id`."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, SecretStr
from pydantic.alias_generators import to_camel

from shared.config import ChannelSettings, Settings
from shared.setting_forms import Url


class DiscordSettings(ChannelSettings):
    """The deployment's own application, and Discord's address."""

    discord_client_id: str | None = None
    discord_api_url: Url = "https://discord.com/api/v10"


class DiscordConfig(BaseModel):
    """`client_id` (the application's id) and `public_key` are found by connecting, where they are not given.

    With `gateway` a holder hears the ordinary messages, too.
    """

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="ignore")

    bot_token: SecretStr | None = None
    client_id: str | None = None
    public_key: str | None = Field(default=None, pattern=r"^[0-9a-fA-F]{64}$")
    gateway: bool = False


def client_id(config: DiscordConfig, settings: Settings) -> str | None:
    """The application that servers are invited to."""
    return config.client_id or settings.of(DiscordSettings).discord_client_id
