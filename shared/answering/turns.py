"""What an answering party is given and what it gives back."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from shared.channelkit.cutting import cut_text
from shared.domain.conversations import Conversation
from shared.domain.instances import Instance
from shared.domain.messages import Attachment, Direction, Message, MessageKind, phones


@dataclass(frozen=True, slots=True)
class Picture:
    mime_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Turn:
    """A conversation in which it is our turn to speak. `history` is oldest first and ends with what is unanswered.

    `pictures` are those that are shown to the answerer, by their message's id; `knowledge` is what its files say.
    """

    instance: Instance
    conversation: Conversation
    history: Sequence[Message]
    pictures: Mapping[str, Sequence[Picture]] = field(default_factory=dict)
    knowledge: str = ""

    @property
    def unanswered(self) -> list[Message]:
        """The customer's messages that nobody has answered; arrival decides, for providers' clocks are coarse."""
        since = self.conversation.needs_reply_since
        return [m for m in self.history if since and m.direction is Direction.INBOUND and m.created_at >= since]

    @property
    def to_answer(self) -> list[Message]:
        """What is unanswered and a machine may answer, without what its author has taken back."""
        return [m for m in self.unanswered if m.deleted_at is None and not m.for_people]

    @property
    def has_content(self) -> bool:
        """Whether there is anything that an answerer could be asked about."""
        return bool(self.lines) or any(message.attachments for message in self.to_answer)

    @property
    def text(self) -> str:
        """All text to answer, a message a line."""
        return "\n".join(message.text for message in self.to_answer if message.text)

    @property
    def lines(self) -> list[str]:
        """What is to be answered in words: each message's text, and what else the customer sees of it."""
        return [line for message in self.to_answer for line in lines(message)]


def lines(message: Message) -> list[str]:
    """A message's text, and a line for everything else it holds that the text does not say already."""
    text = message.text or ""
    about = [line for line in message.content.in_words() if line not in text and line.removeprefix("Subject: ") != text]
    return [*about, *([text] if text else [])]


def in_words(attachment: Attachment) -> str:
    """What a place or a contact's card says; empty for what has content to fetch."""
    if attachment.type is MessageKind.LOCATION:
        parts = [attachment.name, attachment.address, attachment.latitude, attachment.longitude]
    elif attachment.type is MessageKind.CONTACT:
        parts = [attachment.name, *phones(attachment)]
    else:
        return ""
    return ", ".join(str(part) for part in parts if part not in (None, ""))


def clean(text: str) -> str:
    """Without what no store keeps: NUL characters and halves of surrogate pairs."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()


def split_text(text: str, limit: int, *, in_one_piece: bool = False) -> list[str]:
    """Cut an answer on blank lines, and pieces longer than `limit` on lines, words, or anywhere as the last resort.

    With `in_one_piece` only for the limit's sake.
    """
    paragraphs = [text.strip()] if in_one_piece else [part.strip() for part in re.split(r"\n\s*\n", text.strip())]
    return [piece for paragraph in paragraphs for piece in cut_text(paragraph, limit)]
