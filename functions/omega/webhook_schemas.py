"""Omega's forms of a message that another program sends."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, Field, RootModel, StringConstraints

from shared.domain.instances import ChannelType, Instance
from shared.http.any_case import ANY_CASE
from shared.usecases.sessions.outside_messages import DEFAULT_TYPES

_TELEGRAM = (ChannelType.TELEGRAM_BOT, ChannelType.TELEGRAM_USER)
_TELEGRAM_WORD = "telegram"


def _canonical(value: object) -> object:
    return value.strip().lower().replace("-", "_") if isinstance(value, str) else value


Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=256)]
Word = Annotated[Literal["telegram"] | ChannelType, BeforeValidator(_canonical)]


class OutsideMessageIn(BaseModel):
    """Without a channel Telegram goes before WhatsApp; `target` is the person's address there."""

    source: Line = Field(examples=["github"])
    message: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=65_536)]
    mode: Annotated[Literal["direct", "ai"], ANY_CASE]
    channel: Word | None = None
    target: Line = Field(examples=["+5511988887777"])

    def types(self) -> tuple[ChannelType, ...]:
        """The channel types that it may go by, the best first."""
        if self.channel is None:
            return DEFAULT_TYPES
        return (self.channel,) if isinstance(self.channel, ChannelType) else _TELEGRAM


class Delivered(BaseModel):
    """The message was accepted for sending."""

    status: Literal["delivered"] = "delivered"
    channel: str
    target: str


class Queued(BaseModel):
    status: Literal["queued"] = "queued"
    request_id: str


class OutsideMessageOut(RootModel[Delivered | Queued]):
    """What becomes of it, by its mode."""

    @classmethod
    def delivered(cls, instance: Instance, target: str) -> OutsideMessageOut:
        word = _TELEGRAM_WORD if instance.type in _TELEGRAM else instance.type.value
        return cls(Delivered(channel=word, target=target))

    @classmethod
    def queued(cls, request_id: str) -> OutsideMessageOut:
        return cls(Queued(request_id=request_id))
