"""The widget's wire forms: camel case, times with milliseconds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

from shared.channelkit.entities import without_marks
from shared.channelkit.styled_text import Run, StyledText
from shared.channels.widget.config import MOST_FILES, TEXT_LIMIT
from shared.domain.business_hours import Standing
from shared.domain.messages import Attachment, Author, Message
from shared.http.times import Milliseconds
from shared.usecases.sessions.visitors import MOST, History, Session

_AUTHORS: dict[Author, Literal["visitor", "agent", "bot"]] = {
    Author.CUSTOMER: "visitor",
    Author.BOT: "bot",
    Author.SYSTEM: "bot",
}


class _Wire(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, validate_by_name=True, serialize_by_alias=True)


class SessionIn(_Wire):
    """What the visitor says about themselves, and what their page's server does.

    `userHash` is the HMAC-SHA256 of `userId` with the widget's `identitySecret`, in hex: it proves who the visitor is.
    """

    name: str | None = Field(default=None, min_length=1, max_length=100)
    email: str | None = Field(default=None, max_length=254, pattern=r"^[^@\s]+@[^@\s]+$")
    user_id: str | None = Field(default=None, min_length=1, max_length=128, examples=["42"])
    user_hash: str | None = Field(
        default=None,
        pattern=r"^[0-9a-fA-F]{64}$",
        examples=["0f5d1a5f2b8d9f1c6a3e4b7c8d9e0f1a2b3c4d5e6f708192a3b4c5d6e7f80912"],
    )

    @model_validator(mode="after")
    def _is_whole(self) -> SessionIn:
        if (self.user_id is None) != (self.user_hash is None):
            raise ValueError("give userId and userHash together")
        return self


class SessionOut(_Wire):
    """`token` goes into `Authorization: Bearer`; `room` is where Socket.IO tells of new messages."""

    visitor_id: str
    token: str
    expires_at: Milliseconds
    instance: str
    room: str

    @classmethod
    def of(cls, instance_id: str, session: Session) -> SessionOut:
        return cls(
            visitor_id=session.visitor_id,
            token=session.token,
            expires_at=session.expires_at,
            instance=instance_id,
            room=session.room,
        )


class FileIn(_Wire):
    file_id: str = Field(
        min_length=1, max_length=200, description="The id that `POST /api/visitors/{instance}/files` answered."
    )


class MessageIn(_Wire):
    """A text, files that were uploaded before, or both. The same `nonce` again is the same message."""

    text: str = Field(default="", max_length=TEXT_LIMIT)
    nonce: str | None = Field(default=None, pattern=r"^[A-Za-z0-9_-]{1,64}$")
    attachments: list[FileIn] = Field(default_factory=list, max_length=MOST_FILES)

    @model_validator(mode="after")
    def _says_something(self) -> MessageIn:
        if not self.text.strip() and not self.attachments:
            raise ValueError("give text or attachments")
        return self


class AcceptedOut(_Wire):
    """The message is durable and will be in the history under `id`."""

    id: str
    nonce: str
    status: Literal["received"]


class AttachmentOut(_Wire):
    type: str
    url: str | None
    file_name: str | None
    mime_type: str | None

    @classmethod
    def of(cls, attachment: Attachment, url: str | None) -> AttachmentOut:
        """`url` is where the visitor gets a file that the hub holds."""
        return cls(
            type=attachment.type.value,
            url=url or attachment.as_offered().url,
            file_name=attachment.file_name,
            mime_type=attachment.mime_type,
        )


class RunOut(_Wire):
    """A stretch of a message's text that looks the same all along; `url` where it is a link."""

    text: str
    styles: list[Literal["bold", "italic", "strike", "code", "pre"]]
    url: str | None

    @classmethod
    def of(cls, run: Run) -> RunOut:
        styles = [style for style in run.styles if style != "link"]
        return cls.model_validate({"text": run.text, "styles": styles, "url": run.styles.get("link")})


class MessageOut(_Wire):
    """A message; `runs` say how its text looks, where that is known: together they are what is to be shown.

    `agent` is a person of the business and `bot` whatever answers by itself; `authorName` is what they are called.
    """

    id: str
    author: Literal["visitor", "agent", "bot"]
    author_name: str | None
    text: str
    runs: list[RunOut]
    attachments: list[AttachmentOut]
    sent_at: Milliseconds

    @classmethod
    def of(cls, message: Message, author_name: str | None, urls: Mapping[str, str]) -> MessageOut:
        """`urls` of the files that the hub holds, by their media ids."""
        return cls(
            id=message.id,
            author=_AUTHORS.get(message.author, "agent"),
            author_name=author_name,
            text=message.text or "",
            runs=_runs(message),
            attachments=[
                AttachmentOut.of(attachment, urls.get(f"{message.id}-{number}"))
                for number, attachment in enumerate(message.attachments)
            ],
            sent_at=message.sent_at,
        )


def _runs(message: Message) -> list[RunOut]:
    if not message.text or not message.spans:
        return []
    return [RunOut.of(run) for run in without_marks(StyledText(message.text, message.spans)).runs()]


class HistoryQuery(BaseModel):
    limit: int = Field(default=50, ge=1, le=MOST)
    cursor: str | None = Field(default=None, max_length=2048)


class HistoryOut(_Wire):
    """Oldest first; `nextCursor` leads to older ones.

    With `mayRate` the next digit from 1 to 5 rates what was done. While `isOpen` is false nobody is there, until
    `opensAt` where that is known.
    """

    messages: list[MessageOut]
    next_cursor: str | None
    may_rate: bool
    is_open: bool
    opens_at: Milliseconds | None

    @classmethod
    def of(cls, history: History, opening: Standing | None, urls: Mapping[str, str]) -> HistoryOut:
        return cls(
            messages=[MessageOut.of(message, history.author_name(message), urls) for message in history.messages],
            next_cursor=history.cursor,
            may_rate=history.may_rate,
            is_open=opening is None or opening.is_open,
            opens_at=None if opening is None or opening.is_open else opening.opens_at,
        )
