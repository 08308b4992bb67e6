"""The Dashboard's names of channel types, statuses, priorities and fields, where they differ from the hub's.

Names in requests are read without regard to case and to `-` or `_`.
"""

from __future__ import annotations

from typing import Annotated, TypeVar

from pydantic import BeforeValidator, StringConstraints, WithJsonSchema

from functions.dashboard.schemas import CHANNELS, STATUS
from shared.domain.conversations import ConversationStatus, Priority
from shared.domain.instances import ChannelType
from shared.errors import BadRequest
from shared.http.errors import Vocabulary

T = TypeVar("T")


def _plain(word: str) -> str:
    return word.strip().lower().replace("-", "_")


_TYPES = {channel.value: channel for channel in ChannelType} | {word: channel for channel, word in CHANNELS.items()}
_ONE_OR_ALL: dict[str, ChannelType | None] = {"all": None, **_TYPES}
_STATUSES = {status.value: status for status in ConversationStatus} | {word: status for status, word in STATUS.items()}
_PRIORITIES = {priority.value: priority for priority in Priority}


def channel_type(word: str) -> ChannelType:
    """The channel type of that name; raises `BadRequest` for any other word."""
    type_ = _TYPES.get(_plain(word))
    if type_ is None:
        names = ", ".join(CHANNELS.values())
        raise BadRequest(f"channel type: use one of {names}", {"channel_type": f"is none of {names}"})
    return type_


VOCABULARY = Vocabulary(
    # A channel's settings stand in the body itself here.
    field=lambda path: "agent_id" if path == "assignee_id" else path.removeprefix("config."),
    channel=lambda name: CHANNELS[ChannelType(name)],
)


def _reader(values: dict[str, T]) -> BeforeValidator:
    def read(value: object) -> object:
        if not isinstance(value, str):
            return value
        if (name := _plain(value)) not in values:
            raise ValueError(f"use one of {', '.join(values)}")
        return values[name]

    return BeforeValidator(read)


def _enum(values: dict[str, T]) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "enum": list(values)})


ChannelTypeName = Annotated[ChannelType, _reader(_TYPES), _enum(_TYPES)]
ChannelFilter = Annotated[ChannelType | None, _reader(_ONE_OR_ALL), _enum(_ONE_OR_ALL)]
"""None stands for all."""

StatusName = Annotated[ConversationStatus, _reader(_STATUSES), _enum(_STATUSES)]
PriorityName = Annotated[Priority, _reader(_PRIORITIES), _enum(_PRIORITIES)]


Tag = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)]
"""What customers are sorted by. Blanks around it do not count."""
