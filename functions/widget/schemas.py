"""The widget's wire forms: camel case, times with milliseconds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from pydantic.alias_generators import to_camel

from shared.channelkit.entities import without_marks
from shared.channelkit.styled_text import Run, StyledText
from shared.channels.widget.config import TEXT_LIMIT
from shared.domain.messages import Attachment, Author, Message
from shared.http.times import Milliseconds
from shared.usecases.sessions.visitors import MOST, Session

_AUTHORS: dict[Author, Literal["visitor", "agent", "bot"]] = {Author.CUSTOMER: "visitor", Author.BOT: "bot"}


class _Wire(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, validate_by_name=True, serialize_by_alias=True)


class WidgetPath(BaseModel):
    instance: str = Field(description="The widget's id or name.")


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


class MessageIn(_Wire):
    """The same `nonce` again is the same message, so that trying again is safe."""

    text: str = Field(min_length=1, max_length=TEXT_LIMIT)
    nonce: str | None = Field(default=None, pattern=r"^[A-Za-z0-9_-]{1,64}$")
    attachments: list[Any] = Field(default_factory=list, max_length=0, description="Files are not taken yet.")

    @field_validator("text")
    @classmethod
    def _said_something(cls, text: str) -> str:
        if not text.strip():
            raise ValueError("must not be blank")
        return text


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
    """A message; `runs` say how its text looks, where that is known: together they are what is to be shown."""

    id: str
    author: Literal["visitor", "agent", "bot"]
    text: str
    runs: list[RunOut]
    attachments: list[AttachmentOut]
    sent_at: Milliseconds

    @classmethod
    def of(cls, message: Message, urls: Mapping[str, str]) -> MessageOut:
        """`urls` of the files that the hub holds, by their media ids."""
        return cls(
            id=message.id,
            author=_AUTHORS.get(message.author, "agent"),
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
    """Oldest first; `nextCursor` leads to older ones."""

    messages: list[MessageOut]
    next_cursor: str | None
