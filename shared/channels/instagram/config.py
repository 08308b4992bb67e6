"""What an Instagram account is configured with; the account's id is the instance's `external_id`."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, SecretStr
from pydantic.alias_generators import to_camel

from shared.channelkit.meta import MetaSettings
from shared.config import ChannelSettings, Settings
from shared.setting_forms import Url

PROVIDER = "instagram"
APP_SECRET_SETTING = "INSTAGRAM_APP_SECRET or FACEBOOK_APP_SECRET"  # noqa: S105 - two settings' names


class InstagramSettings(ChannelSettings):
    """The deployment's own Instagram app, and where accounts with an Instagram login are.

    An account that is linked to a Facebook page belongs to the Meta app of `MetaSettings`.
    """

    instagram_app_id: str | None = None
    instagram_app_secret: SecretStr | None = None
    instagram_api_url: Url = "https://graph.instagram.com"
    instagram_login_api_url: Url = "https://api.instagram.com"


class InstagramConfig(BaseModel):
    """`access_token` comes from logging in at Instagram, or is given: also that of the linked Facebook page.

    `app_secret` and `verify_token` belong to the Meta app: left out, the deployment's own is meant. `page_id` is
    learned when a page's token is connected.
    """

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="ignore")

    access_token: SecretStr | None = None
    app_secret: SecretStr | None = None
    verify_token: SecretStr | None = None
    page_id: str | None = None

    @property
    def is_page_linked(self) -> bool:
        """Whether the token is a Facebook page's, as its beginning tells, and not one of an Instagram login."""
        return self.access_token is not None and self.access_token.get_secret_value().startswith("EA")


def verify_token(config: InstagramConfig, settings: Settings) -> str | None:
    """The word that was typed into the Meta app beside the callback URL."""
    token = config.verify_token or settings.of(MetaSettings).facebook_verify_token
    return token.get_secret_value() if token else None


def app_secrets(config: InstagramConfig, settings: Settings) -> list[str]:
    """What may have signed a call: the instance's own app, else the deployment's Instagram app or its Meta app."""
    deployment = (settings.of(InstagramSettings).instagram_app_secret, settings.of(MetaSettings).facebook_app_secret)
    candidates = (config.app_secret,) if config.app_secret else deployment
    return [secret.get_secret_value() for secret in candidates if secret]
