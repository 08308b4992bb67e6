"""What a video instance is configured with."""

from __future__ import annotations

from pydantic import Field, field_validator

from shared.channelkit.twilio import TwilioConfig


class VideoConfig(TwilioConfig):
    """The API key signs what lets people into rooms, so it must be given; `auth_token` proves Twilio's callbacks.

    `join_url` is the business's own page, with `{token}` where the customer's
    ticket goes; `join_text` is said before it. `ticket_seconds` is how long the
    ticket is good, `stay_seconds` how long somebody who was let in may stay.
    """

    join_url: str | None = Field(default=None, max_length=1000)
    join_text: str = Field(default="Join the video call:", max_length=500)
    record: bool = False
    ticket_seconds: int = Field(default=86_400, ge=60, le=7 * 86_400)
    stay_seconds: int = Field(default=4 * 3600, ge=300, le=86_400)

    @field_validator("join_url")
    @classmethod
    def _takes_a_ticket(cls, url: str | None) -> str | None:
        if url is not None and "{token}" not in url:
            raise ValueError("put {token} where the customer's ticket goes")
        return url
