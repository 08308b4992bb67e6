"""What a widget is configured with: how it looks, where it may be shown, how its visitors are known."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, ValidationInfo, field_validator
from pydantic.alias_generators import to_camel

TEXT_LIMIT = 10_000
MOST_FILES = 5
"""Files that one message of a visitor may have."""
DEFAULT_TITLE = "Chat with us"
DEFAULT_GREETING = "Hello! How can we help you?"

_ORIGIN = re.compile(r"https?://(\[[0-9a-f:]+\]|[a-z0-9.-]+)(:\d{1,5})?")


def _origin(value: str) -> str:
    """An origin goes into a header and a policy as it is, so that nothing else may pass for one."""
    origin = value.rstrip("/").lower()
    if not _ORIGIN.fullmatch(origin):
        raise ValueError("give origins such as https://shop.example")
    return origin


Origin = Annotated[str, AfterValidator(_origin)]


Language = Literal["auto", "en", "pt", "es", "de"]
"""What the chat's own words are in; `auto` is the first of the visitor's languages that there is."""

Asked = Literal["no", "optional", "required"]
"""Whether a visitor is asked for something before they write, and whether they may leave it out."""


class WidgetConfig(BaseModel):
    """`visitor_secret` is made when the instance is connected; without `allowed_origins` any page may show the chat.

    `color` is the accent's, `greeting` stands above an empty chat; the usual
    title and greeting are said in the visitor's language. With
    `identity_secret` the tenant's server proves who a visitor is
    (`verification.py`); where `identity_required` nobody else may chat.
    Who is proven is not asked for name and e-mail address.
    """

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="ignore")

    title: str = Field(default=DEFAULT_TITLE, min_length=1, max_length=60)
    greeting: str = Field(default=DEFAULT_GREETING, max_length=300)
    color: str = Field(default="#1d4ed8", pattern=r"^#[0-9a-fA-F]{6}$")
    language: Language = "auto"
    ask_name: Asked = "no"
    ask_email: Asked = "no"
    visitor_files: bool = Field(default=True, description="Visitors may send files.")
    email_when_closed: bool = Field(
        default=True, description="Outside the business hours visitors are asked for their e-mail address."
    )
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
