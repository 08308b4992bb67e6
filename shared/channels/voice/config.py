"""What a telephone number is configured with."""

from __future__ import annotations

from pydantic import Field, model_validator

from shared.channelkit.twilio import TwilioConfig
from shared.channels.voice.actions import DEFAULT, Action, Gather


class VoiceConfig(TwilioConfig):
    """`actions` is what happens on a call. `voice` and `language` are Twilio's names for them (`<Say>`);
    without a voice it is the account's own.

    `callback_text` is said when a session is moved here and the hub calls the customer.
    """

    phone_number: str | None = Field(default=None, max_length=40)
    actions: tuple[Action, ...] = Field(default=DEFAULT, min_length=1, max_length=20)
    voice: str | None = Field(default=None, max_length=64)
    language: str = Field(default="en-US", max_length=16)
    callback_text: str = Field(default="Hello, we are calling you as agreed.", min_length=1, max_length=1000)

    @model_validator(mode="after")
    def _leads_somewhere(self) -> VoiceConfig:
        for number, step in enumerate(self.actions):
            targets = step.choices.values() if isinstance(step, Gather) else ()
            if any(target >= len(self.actions) for target in targets):
                raise ValueError(f"actions: step {number} leads to a step that is not there")
        return self

    def first_gather(self) -> int | None:
        """The step in which the caller is first listened to."""
        return next((n for n, step in enumerate(self.actions) if isinstance(step, Gather)), None)
