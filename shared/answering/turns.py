"""What an answering party is given and what it gives back."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from shared.domain.conversations import Conversation
from shared.domain.instances import Instance
from shared.domain.messages import Attachment, Direction, Message, MessageKind, phones


@dataclass(frozen=True, slots=True)
class Turn:
    """A conversation in which it is our turn to speak. `history` is oldest first and ends with what is unanswered."""

    instance: Instance
    conversation: Conversation
    history: Sequence[Message]

    @property
    def unanswered(self) -> list[Message]:
        """The customer's messages that nobody has answered; arrival decides, for providers' clocks are coarse."""
        since = self.conversation.needs_reply_since
        return [m for m in self.history if since and m.direction is Direction.INBOUND and m.created_at >= since]

    @property
    def to_answer(self) -> list[Message]:
        """What is unanswered, without what its author has taken back."""
        return [message for message in self.unanswered if message.deleted_at is None]

    @property
    def text(self) -> str:
        """All text to answer, a message a line."""
        return "\n".join(message.text for message in self.to_answer if message.text)


def in_words(attachment: Attachment) -> str:
    """What a place or a contact's card says; empty for what has content to fetch."""
    if attachment.type is MessageKind.LOCATION:
        parts = [attachment.name, attachment.address, attachment.latitude, attachment.longitude]
    elif attachment.type is MessageKind.CONTACT:
        parts = [attachment.name, *phones(attachment)]
    else:
        return ""
    return ", ".join(str(part) for part in parts if part not in (None, ""))


def split_text(text: str, limit: int, *, in_one_piece: bool = False) -> list[str]:
    """Cut an answer on blank lines, and pieces longer than `limit` on lines, words, or anywhere as the last resort.

    With `in_one_piece` only for the limit's sake.
    """
    paragraphs = [text.strip()] if in_one_piece else [part.strip() for part in re.split(r"\n\s*\n", text.strip())]
    return [piece for paragraph in paragraphs for piece in _cut(paragraph, limit)]


def _cut(text: str, limit: int) -> Iterator[str]:
    """The text in pieces; each looks only at what it may hold, so that the whole costs what its length says."""
    start, end = 0, len(text)
    while start < end:
        window = text[start : start + limit + 1]
        start += len(window) - len(window.lstrip())
        head = _prefix(text[start : start + limit + 1], limit)
        at = len(head)
        if start + at < end:
            at = max(head.rfind("\n"), 0) or max(head.rfind(" "), 0) or at
        if piece := text[start : start + at].rstrip():
            yield piece
        start += at


def _prefix(text: str, limit: int) -> str:
    """As much of the text as has `limit` UTF-16 units, in which providers count; at least one character."""
    units = 0
    for index, character in enumerate(text):
        units += 2 if character > "\uffff" else 1
        if units > limit:
            return text[: max(index, 1)]
    return text
