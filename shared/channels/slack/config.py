"""What a Slack instance is configured with; app and workspace together are its `external_id`."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, SecretStr
from pydantic.alias_generators import to_camel

from shared.config import ChannelSettings, Settings
from shared.setting_forms import Url


class SlackSettings(ChannelSettings):
    """The deployment's own app, and Slack's address."""

    slack_client_id: str | None = None
    slack_client_secret: SecretStr | None = None
    slack_signing_secret: SecretStr | None = None
    slack_api_url: Url = "https://slack.com/api"


class SlackConfig(BaseModel):
    """`bot_token` comes from installing the app, or is given; the rest of the app's own, left out, is the deployment's.

    `command_answer` is what somebody sees at once who used a slash command.
    """

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="ignore")

    bot_token: SecretStr | None = None
    signing_secret: SecretStr | None = None
    client_id: str | None = None
    client_secret: SecretStr | None = None
    app_id: str | None = None
    bot_user_id: str | None = None
    command_answer: str = "Thank you! The answer comes as a direct message."


def signing_secret(config: SlackConfig, settings: Settings) -> str | None:
    """What Slack signs its calls with."""
    secret = config.signing_secret or settings.of(SlackSettings).slack_signing_secret
    return secret.get_secret_value() if secret else None


def client(config: SlackConfig, settings: Settings) -> tuple[str | None, str | None]:
    """The app's client id and secret: the instance's own, or the deployment's; never one of each."""
    if config.client_id:
        return config.client_id, config.client_secret.get_secret_value() if config.client_secret else None
    app = settings.of(SlackSettings)
    secret = app.slack_client_secret
    return app.slack_client_id, secret.get_secret_value() if secret else None
