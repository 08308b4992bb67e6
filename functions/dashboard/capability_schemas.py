"""The Dashboard's wire form of what channels can carry."""

from __future__ import annotations

from datetime import timedelta

from pydantic import BaseModel, Field

from functions.dashboard.schemas import CHANNELS
from shared.channels import channel, names, type_of
from shared.config import Settings
from shared.domain.messages import MessageKind, MessageStatus
from shared.usecases.instances import adapter_choice


class PaceOut(BaseModel):
    """How many messages a second one account may send, and how many seconds apart those of one chat go."""

    per_second: float | None
    replies_per_second: float | None = Field(description="The same for replies alone, which then count by themselves.")
    burst: int | None
    chat_seconds: float | None
    chat_burst: int


class ChannelCapabilities(BaseModel):
    """What one adapter of a channel type can carry; null means that no limit is known, or that there is none."""

    type: str
    adapter: str
    is_default: bool = Field(description="Whether it serves a new channel of the type that names none.")
    text_limit: int = Field(description="UTF-16 units; longer answers are split.")
    attachments: dict[str, int | None] = Field(description="The kinds that can be sent, with the most bytes of each.")
    receipts: list[str]
    typing: bool = Field(description="Whether the customer can see that an answer is being written.")
    read_marks: bool = Field(description="Whether the customer can see that their messages were read.")
    uploads: bool = Field(description="Whether the hub hands over an uploaded file itself, else a link to it.")
    reactions: bool
    edits: bool = Field(description="Whether a message can be changed after it was sent.")
    edits_within_hours: float | None = Field(description="For how long; null where the provider sets no end.")
    deletions: bool = Field(description="Whether a message can be taken back after it was sent.")
    deletions_within_hours: float | None = Field(description="For how long; null where the provider sets no end.")
    templates: bool
    choices: bool
    polls: bool
    forwards: bool = Field(description="Whether messages are passed on as the provider does it, else as a copy.")
    threads: bool
    live: bool = Field(description="Whether every message is answered at once, as in a call.")
    in_one_piece: bool = Field(description="Whether an answer of several paragraphs stays one message.")
    markup: str | None = Field(
        description="Whose notation shows what is bold, a link or code in an agent's answer; null: the text alone."
    )
    window_hours: float | None = Field(description="How long after the customer's last message one may write freely.")
    longest_window_hours: float | None
    addressed_by: str | None = Field(description="What is enough to reach a customer: `phone`, `email` or `customer`.")
    pace: PaceOut

    @classmethod
    def of(cls, adapter: str, settings: Settings) -> ChannelCapabilities:
        channel_type, declared = type_of(adapter), channel(adapter).capabilities
        sizes = declared.attachments
        return cls(
            type=CHANNELS[channel_type],
            adapter=adapter,
            is_default=adapter_choice.chosen(settings, channel_type, {}) == adapter,
            text_limit=declared.text_limit,
            attachments={kind.value: sizes[kind] for kind in MessageKind if kind in sizes},
            receipts=[status.value for status in MessageStatus if status in declared.receipts],
            typing=declared.typing,
            read_marks=declared.read_marks,
            uploads=declared.uploads,
            reactions=declared.reactions,
            edits=declared.edits,
            edits_within_hours=_hours(declared.edits_within),
            deletions=declared.deletions,
            deletions_within_hours=_hours(declared.deletions_within),
            templates=declared.templates,
            choices=declared.choices,
            polls=declared.polls,
            forwards=declared.forwards,
            threads=declared.threads,
            live=declared.live,
            in_one_piece=declared.in_one_piece,
            markup=declared.markup,
            window_hours=_hours(declared.window),
            longest_window_hours=_hours(declared.longest_window),
            addressed_by=declared.addressed_by,
            pace=PaceOut.model_validate(declared.pace, from_attributes=True),
        )


def _hours(window: timedelta | None) -> float | None:
    return None if window is None else window.total_seconds() / 3600


class CapabilitiesOut(BaseModel):
    channels: list[ChannelCapabilities]

    @classmethod
    def of_all(cls, settings: Settings) -> CapabilitiesOut:
        """Of every adapter, in the order in which they are registered."""
        return cls(channels=[ChannelCapabilities.of(adapter, settings) for adapter in names()])
