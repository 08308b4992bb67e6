"""What an SMS instance over Amazon is configured with."""

from __future__ import annotations

from pydantic import Field

from shared.channelkit.sns_topics import TopicsConfig

PROVIDER = "sns"


class SnsSmsConfig(TopicsConfig):
    """Messages come from `phone_number` (a number of the account) or show `sender_id` where a country allows it."""

    phone_number: str | None = Field(default=None, pattern=r"^\+[1-9]\d{5,14}$")
    sender_id: str | None = Field(default=None, pattern=r"^[A-Za-z0-9]{1,11}$")
