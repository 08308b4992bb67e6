"""What an SMS instance is configured with."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from shared.channelkit.twilio import TwilioConfig


class SmsConfig(TwilioConfig):
    """Messages come from `messaging_service_sid` when it is given, else from `phone_number`."""

    provider: Literal["twilio"] = "twilio"
    phone_number: str | None = Field(default=None, max_length=40)
    messaging_service_sid: str | None = Field(default=None, pattern=r"^MG[0-9a-fA-F]{32}$")
