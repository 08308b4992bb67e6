"""What a LINE Official Account is configured with, and where LINE is."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, SecretStr
from pydantic.alias_generators import to_camel

from shared.config import ChannelSettings
from shared.setting_forms import Url

PROVIDER = "line"


class LineSettings(ChannelSettings):
    """LINE's addresses: files are kept at one of their own."""

    line_api_url: Url = "https://api.line.me"
    line_data_api_url: Url = "https://api-data.line.me"


class LineConfig(BaseModel):
    """`channel_secret` signs LINE's calls. The account's own id, the bot's user id, is the instance's `external_id`.

    With `mark_read` an answer also marks what it answers as read.
    """

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="ignore")

    channel_access_token: SecretStr = Field(min_length=1)
    channel_secret: SecretStr | None = None
    mark_read: bool = False
