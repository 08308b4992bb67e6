"""The Dashboard's words for what the hub calls otherwise, read without regard to case and `-` or `_`."""

from __future__ import annotations

import re
from contextlib import AbstractContextManager
from typing import Annotated, TypeVar

from pydantic import BeforeValidator, StringConstraints, WithJsonSchema

from functions.dashboard.schemas import CHANNELS, STATUS
from shared.domain.conversations import ConversationStatus, Priority
from shared.domain.instances import ChannelType
from shared.errors import BadRequest
from shared.http.errors import reworded

T = TypeVar("T")


def _plain(word: str) -> str:
    return word.strip().lower().replace("-", "_")


_TYPES = {channel.value: channel for channel in ChannelType} | {word: channel for channel, word in CHANNELS.items()}
_ONE_OR_ALL: dict[str, ChannelType | None] = {"all": None, **_TYPES}
_STATUSES = {status.value: status for status in ConversationStatus} | {word: status for status, word in STATUS.items()}
_PRIORITIES = {priority.value: priority for priority in Priority}


def channel_type(word: str) -> ChannelType:
    """Raises `BadRequest` for a word that names no channel type."""
    found = _TYPES.get(_plain(word))
    if found is None:
        known = ", ".join(CHANNELS.values())
        raise BadRequest(f"channel type: use one of {known}", {"channel_type": f"is none of {known}"})
    return found


# A channel's settings stand in the body itself here, and the widget is called chat.
_INSIDE = re.compile(r"\bconfig\.(?=[a-z])|\bwidget\b(?!-)")
_HERE = {"config.": "", "widget": CHANNELS[ChannelType.WIDGET]}


def worded(said: str) -> str:
    """A sentence, or a field's name, as this dialect says it."""
    return _INSIDE.sub(lambda found: _HERE[found[0]], said)


def own_words() -> AbstractContextManager[None]:
    """Have what is refused inside speak of channels and fields as this dialect does."""
    return reworded(worded, worded)


def _reader(words: dict[str, T]) -> BeforeValidator:
    def read(value: object) -> object:
        if not isinstance(value, str):
            return value
        if (word := _plain(value)) not in words:
            raise ValueError(f"use one of {', '.join(words)}")
        return words[word]

    return BeforeValidator(read)


def _words(words: dict[str, T]) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "enum": list(words)})


ChannelWord = Annotated[ChannelType, _reader(_TYPES), _words(_TYPES)]
ChannelFilter = Annotated[ChannelType | None, _reader(_ONE_OR_ALL), _words(_ONE_OR_ALL)]
"""None stands for all."""

StatusWord = Annotated[ConversationStatus, _reader(_STATUSES), _words(_STATUSES)]
PriorityWord = Annotated[Priority, _reader(_PRIORITIES), _words(_PRIORITIES)]


Tag = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)]
"""What customers are sorted by. Blanks around it do not count."""
