"""What a call consists of, as data: one list of steps, done one after the other."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

Text = Annotated[str, Field(max_length=1000)]


class _Step(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Greet(_Step):
    """Say something."""

    do: Literal["greet"]
    text: Text = Field(min_length=1)


class Gather(_Step):
    """Ask, and listen for speech, keys or both; `seconds` of silence end it and the next step follows.

    `choices` maps keys to the number of the step (from 0) that they lead to;
    whatever else was said or pressed is the customer's message.
    """

    do: Literal["gather"]
    text: Text = ""
    listen: Literal["speech", "keys", "both"] = "both"
    seconds: int = Field(default=5, ge=1, le=60)
    keys: int | None = Field(default=None, ge=1, le=32)
    choices: dict[Annotated[str, Field(pattern=r"^[0-9*#]{1,8}$")], Annotated[int, Field(ge=0)]] = Field(
        default_factory=dict, max_length=12
    )


class Agent(_Step):
    """Wait up to `seconds` for the answer to what was gathered; it is spoken, and the gathering begins anew.

    Without an answer in time the next step follows.
    """

    do: Literal["agent"]
    text: Text = ""
    seconds: int = Field(default=30, ge=5, le=120)


class Dial(_Step):
    """Put the caller through to somebody; when nobody answers within `seconds`, the next step follows."""

    do: Literal["dial"]
    number: str = Field(pattern=r"^\+[0-9]{7,15}$")
    seconds: int = Field(default=20, ge=5, le=120)


class Voicemail(_Step):
    """Record a message of up to `seconds`, and have it written down (Twilio does so for two minutes, in English)."""

    do: Literal["voicemail"]
    text: Text = "Please leave a message after the tone."
    seconds: int = Field(default=120, ge=2, le=600)
    transcribe: bool = True


class Hangup(_Step):
    """End the call, with a last word if there is one."""

    do: Literal["hangup"]
    text: Text = ""


Action: TypeAlias = Annotated[Greet | Gather | Agent | Dial | Voicemail | Hangup, Field(discriminator="do")]

DEFAULT: tuple[Action, ...] = (
    Greet(do="greet", text="Hello."),
    Gather(do="gather", text="How can I help you?"),
    Agent(do="agent", text="One moment, please."),
    Voicemail(do="voicemail"),
)
