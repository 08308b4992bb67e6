"""How much is kept of what strangers send, whatever their provider lets through.

A document of Firestore has 1 MiB (https://firebase.google.com/docs/firestore/quotas); the bounds of a message's parts
together stay below that. Lists show many messages and customers at once.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any, TypeVar

from pydantic import BaseModel

from shared.domain.content import Content
from shared.domain.inbound import (
    ChannelEvent,
    MessageDeleted,
    MessageEdited,
    MessageReceived,
    ReactionChanged,
    Receipt,
    Sender,
    VoteCast,
)
from shared.domain.messages import Attachment

KILOBYTE = 1024
TEXT_BYTES = 256 * KILOBYTE
CONTENT_BYTES = 256 * KILOBYTE
ATTACHMENTS_BYTES = 96 * KILOBYTE
EXTRA_BYTES = 32 * KILOBYTE
NAME_CHARACTERS = 300
ID_CHARACTERS = 1_000
EMOJI_CHARACTERS = 100

P = TypeVar("P", MessageReceived, Sender)


def bounded(event: ChannelEvent) -> ChannelEvent:
    """The event with no more in it than is kept: texts and names are cut, the rest of what is too long left out."""
    match event:
        case MessageReceived():
            return _message(event)
        case VoteCast():
            return replace(event, message=_message(event.message))
        case MessageEdited():
            attachments = None if event.attachments is None else _attachments(event.attachments)
            name = _id(event.external_message_id)
            return replace(event, external_message_id=name, text=_text(event.text) or "", attachments=attachments)
        case ReactionChanged():
            name = _id(event.external_message_id)
            return replace(event, external_message_id=name, emoji=event.emoji[:EMOJI_CHARACTERS])
        case MessageDeleted() | Receipt():
            return replace(event, external_message_id=_id(event.external_message_id))
        case _:
            return event


def _message(received: MessageReceived) -> MessageReceived:
    return _with(
        received,
        external_message_id=_id(received.external_message_id),
        reply_to=_id(received.reply_to) if received.reply_to else received.reply_to,
        sender=_sender(received.sender),
        group_name=_name(received.group_name),
        text=_text(received.text),
        attachments=_attachments(received.attachments),
        content=_content(received.content),
        extra=_fields(received.extra),
        context=_fields(received.context),
    )


def _with(part: P, **bounds: Any) -> P:
    """The part itself where nothing of it is too long, as nearly always."""
    changes = {name: value for name, value in bounds.items() if value is not getattr(part, name)}
    return replace(part, **changes) if changes else part


def _sender(sender: Sender) -> Sender:
    return _with(
        sender,
        name=_name(sender.name),
        username=_name(sender.username),
        email=_name(sender.email),
        phone=_name(sender.phone),
    )


def _id(external_id: str) -> str:
    """With some providers the sender's program makes it up. It is cut alike wherever the message is named."""
    return external_id[:ID_CHARACTERS]


def _name(name: str | None) -> str | None:
    return name[:NAME_CHARACTERS] if name else name


def _text(text: str | None) -> str | None:
    if not text or len(text) * 4 <= TEXT_BYTES:
        return text
    return text.encode(errors="replace")[:TEXT_BYTES].decode(errors="ignore")


def _attachments(attachments: tuple[Attachment, ...]) -> tuple[Attachment, ...]:
    """The first ones, as far as there is room."""
    if not attachments:
        return attachments
    first: list[Attachment] = []
    room = ATTACHMENTS_BYTES
    for attachment in attachments:
        room -= size_of(attachment)
        if room < 0:
            break
        first.append(attachment)
    return tuple(first)


def _content(content: Content) -> Content:
    if content.is_empty or size_of(content) <= CONTENT_BYTES:
        return content
    plain = content.model_copy(update={"html": None})
    return plain if size_of(plain) <= CONTENT_BYTES else Content(subject=content.subject, unsupported="it is too long")


def _fields(fields: dict[str, Any]) -> dict[str, Any]:
    return fields if not fields or len(json.dumps(fields, default=str)) <= EXTRA_BYTES else {}


def size_of(model: BaseModel) -> int:
    """Bytes, about as many as a store takes for it."""
    return len(model.model_dump_json().encode())
