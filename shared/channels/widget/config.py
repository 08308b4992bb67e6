"""What a widget is configured with: how it looks, where it may be shown, how its visitors are known."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, ValidationInfo, field_validator
from pydantic.alias_generators import to_camel

TEXT_LIMIT = 10_000

_ORIGIN = re.compile(r"https?://(\[[0-9a-f:]+\]|[a-z0-9.-]+)(:\d{1,5})?")


def _origin(value: str) -> str:
    """An origin goes into a header and a policy as it is, so that nothing else may pass for one."""
    origin = value.rstrip("/").lower()
    if not _ORIGIN.fullmatch(origin):
        raise ValueError("give origins such as https://shop.example")
    return origin


Origin = Annotated[str, AfterValidator(_origin)]


class WidgetConfig(BaseModel):
    """`visitor_secret` is made when the instance is connected; without `allowed_origins` any page may show the chat.

    `color` is the accent's, `greeting` stands above an empty chat. With
    `identity_secret` the tenant's server proves who a visitor is
    (`verification.py`); where `identity_required` nobody else may chat.
    """

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="ignore")

    title: str = Field(default="Chat with us", min_length=1, max_length=60)
    greeting: str = Field(default="Hello! How can we help you?", max_length=300)
    color: str = Field(default="#1d4ed8", pattern=r"^#[0-9a-fA-F]{6}$")
    allowed_origins: list[Origin] = Field(default_factory=list, max_length=50)
    visitor_secret: SecretStr | None = Field(default=None, min_length=32)
    # Not the secret of the tokens: who knows one must not be able to make the other.
    identity_secret: SecretStr | None = Field(default=None, min_length=32)
    identity_required: bool = False

    @field_validator("identity_required")
    @classmethod
    def _can_be_proven(cls, required: bool, info: ValidationInfo) -> bool:
        if required and info.data.get("identity_secret") is None:
            raise ValueError("needs an identity_secret of 32 characters or more")
        return required
