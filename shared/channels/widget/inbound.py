"""What a visitor writes: signed by their token, and short."""

from __future__ import annotations

from typing import Any

from pydantic import AwareDatetime, BaseModel, Field, model_validator

from shared.channelkit.payloads import checked
from shared.channels.widget.config import MOST_FILES, TEXT_LIMIT
from shared.domain.inbound import ChannelEvent, MessageReceived, Sender
from shared.domain.messages import Attachment, MessageKind

PROVIDER = "widget"

_ID = r"^[A-Za-z0-9_-]{1,64}$"


class Visitor(BaseModel):
    id: str = Field(pattern=_ID)
    name: str | None = Field(default=None, max_length=100)
    email: str | None = Field(default=None, max_length=254)


class File(BaseModel):
    """An upload of the visitor's, which the hub holds already."""

    type: MessageKind
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    mime_type: str | None = None
    file_name: str | None = Field(default=None, max_length=255)
    size: int = Field(ge=0)


class Said(BaseModel):
    """A message as the widget's endpoint publishes it; `nonce` is the visitor's own id for it."""

    visitor: Visitor
    nonce: str = Field(pattern=_ID)
    text: str = Field(max_length=TEXT_LIMIT)
    files: tuple[File, ...] = Field(default=(), max_length=MOST_FILES)

    @model_validator(mode="after")
    def _has_content(self) -> Said:
        if not self.text and not self.files:
            raise ValueError("has neither text nor files")
        return self


class Published(Said):
    received_at: AwareDatetime


def parse(payload: Any) -> list[ChannelEvent]:
    message = checked(PROVIDER, Published, payload)
    visitor = message.visitor
    sender = Sender(external_user_id=visitor.id, keys=(visitor.id,), name=visitor.name, email=visitor.email)
    return [
        MessageReceived(
            external_message_id=external_message_id(visitor.id, message.nonce),
            external_conversation_id=visitor.id,
            chat_key=visitor.id,
            sender=sender,
            kind=message.files[0].type if message.files else MessageKind.TEXT,
            text=message.text or None,
            attachments=tuple(Attachment(**file.model_dump()) for file in message.files),
            sent_at=message.received_at,
        )
    ]


def external_message_id(visitor_id: str, nonce: str) -> str:
    """A nonce is its visitor's own business: another one may use the same."""
    return f"{visitor_id}:{nonce}"
