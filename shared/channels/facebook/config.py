"""What a Facebook page instance is configured with; the page's id is the instance's `external_id`."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, SecretStr
from pydantic.alias_generators import to_camel

from shared.channelkit.meta import MetaSettings
from shared.config import Settings


class FacebookConfig(BaseModel):
    """`app_secret` and `verify_token` belong to the Meta app: left out, the deployment's own app is meant."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="ignore")

    page_access_token: SecretStr = Field(min_length=1)
    app_secret: SecretStr | None = None
    verify_token: SecretStr | None = None
    app_id: str | None = None


def verify_token(config: FacebookConfig, settings: Settings) -> str | None:
    """The word that was typed into the Meta app beside the callback URL."""
    token = config.verify_token or settings.of(MetaSettings).facebook_verify_token
    return token.get_secret_value() if token else None
