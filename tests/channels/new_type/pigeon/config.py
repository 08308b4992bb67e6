"""What a loft is configured with, and where Pigeon Post is."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, SecretStr
from pydantic.alias_generators import to_camel

from shared.config import ChannelSettings
from shared.setting_forms import Url

PROVIDER = "pigeon"


class PigeonSettings(ChannelSettings):
    """Pigeon Post's address."""

    pigeon_api_url: Url = "https://api.pigeon.example"


class PigeonConfig(BaseModel):
    """`loft_key` is for calling Pigeon Post; the hub makes `webhook_secret`, which Pigeon Post sends with its calls."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="ignore")

    loft_key: SecretStr
    webhook_secret: SecretStr | None = None
