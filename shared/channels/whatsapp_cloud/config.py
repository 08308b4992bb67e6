"""What a number on the WhatsApp Cloud API is configured with; the number's id is the instance's `external_id`."""

from __future__ import annotations

import hashlib
import hmac

from pydantic import BaseModel, ConfigDict, Field, SecretStr
from pydantic.alias_generators import to_camel

from shared.channelkit.meta import MetaSettings
from shared.config import Settings


class CloudConfig(BaseModel):
    """`app_secret` and `verify_token` belong to the Meta app: left out, the deployment's own app is meant.

    `phone_number_id` is Meta's id of the number, not the number.
    `business_account_id` (the WABA) is needed to subscribe the app to it. With
    `mark_read` the customer's latest message is marked as read when they are answered.
    """

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, extra="ignore", coerce_numbers_to_str=True
    )

    access_token: SecretStr = Field(min_length=1)
    phone_number_id: str = Field(min_length=1, max_length=64, pattern=r"^[0-9]+$")
    business_account_id: str | None = Field(default=None, max_length=64, pattern=r"^[0-9]+$")
    app_secret: SecretStr | None = None
    verify_token: SecretStr | None = None
    mark_read: bool = True


def verify_token(config: CloudConfig, settings: Settings) -> str | None:
    """The word by which Meta and the hub agree on the callback URL; made of the access token where none is set."""
    token = config.verify_token or settings.of(MetaSettings).facebook_verify_token
    if token:
        return token.get_secret_value()
    access = getattr(config, "access_token", None)
    if access is None:
        return None
    # Meta asks back while it is being told, so the word cannot be one that is kept only afterwards.
    return hmac.new(access.get_secret_value().encode(), b"whatsapp callback", hashlib.sha256).hexdigest()


def account_id(config: CloudConfig) -> str | None:
    return config.phone_number_id
