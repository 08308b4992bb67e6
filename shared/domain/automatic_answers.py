"""When what answers by itself is to stop: too many answers to one address, or answers to a machine that repeats itself.

Every automatic answer goes by these rules: AI agents, teams, external agents, surveys.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from pydantic import BaseModel

from shared.domain.messages import Author, Direction, Message

PER_HOUR = 20
"""Automatic answers to one address within an hour, unless its channel says otherwise."""
MOST_ON_SAME_CONTENT = 3
"""Automatic answers in a row to somebody who says nothing new."""
ANSWERED_WITHIN = timedelta(minutes=15)
"""What came later than this after it was written, by a backfill, is left to people."""
_WINDOW = timedelta(hours=1)
# A person may well say yes, or choose the same number in a menu, many times.
_SHORTEST_CONTENT = 16
_NOT_WORDS = re.compile(r"[\W\d_]+")


class AnswerCount(BaseModel):
    """How many automatic answers an address has got within the hour that began at `since`."""

    since: datetime
    number: int = 0


class StopReason(StrEnum):
    """Why nothing answers by itself any more; the values are for people to read."""

    TOO_MANY = "too many automatic answers within an hour"
    NOTHING_NEW = "the other side repeats itself"
    LATE = "what was written came too late"


def count_answer(count: AnswerCount | None, now: datetime) -> AnswerCount:
    """The count with one more answer, in a new hour where the former is over."""
    if count is None or now - count.since >= _WINDOW:
        return AnswerCount(since=now, number=1)
    return AnswerCount(since=count.since, number=count.number + 1)


def is_exhausted(count: AnswerCount | None, limit: int, now: datetime) -> bool:
    """Whether the hour's answers are used up."""
    return count is not None and now - count.since < _WINDOW and count.number >= limit


def says_nothing_new(history: Sequence[Message]) -> bool:
    """Whether machines have answered the same content often enough.

    `history` is oldest first and ends with what is unanswered; notes in it are nobody's answers. Content is what a
    message says in letters: a counter or a time in it makes it no other.
    """
    contents: set[str] = set()
    answers = 0
    written = [message for message in history if message.direction is not Direction.SYSTEM]
    for former, message in zip([None, *written], written, strict=False):
        if message.direction is Direction.INBOUND:
            content = _content(message)
            answers = answers if content in contents else 0
            contents |= {content} if content else set()
        elif message.author is Author.HUMAN:
            answers = 0
        elif former is not None and former.direction is Direction.INBOUND:  # Else it is one more part of an answer.
            answers += 1
    return answers >= MOST_ON_SAME_CONTENT


def _content(message: Message) -> str:
    """A message's letters; empty for one that is too short to tell anything."""
    text = (message.text or "").strip()
    return _NOT_WORDS.sub(" ", text.casefold()).strip() if len(text) >= _SHORTEST_CONTENT else ""
