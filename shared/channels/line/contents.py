"""What a LINE message holds: text, a file, a sticker, a place."""

from __future__ import annotations

from typing import Any

from shared.channelkit.contents import Contents
from shared.channels.line.events import Message
from shared.domain.content import Content
from shared.domain.messages import Attachment, MessageKind

_FILES = {
    "image": MessageKind.IMAGE,
    "video": MessageKind.VIDEO,
    "audio": MessageKind.AUDIO,
    "file": MessageKind.DOCUMENT,
}
_MIME = {"image": "image/jpeg", "video": "video/mp4", "audio": "audio/mp4"}
_STICKER_URL = "https://stickershop.line-scdn.net/stickershop/v1/sticker/{}/android/sticker.png"


def contents(message: Message) -> Contents:
    """A file that LINE keeps has no URL: it is fetched by the message's id."""
    extra: dict[str, Any] = {}
    if message.quote_token:
        extra["quote_token"] = message.quote_token
    if message.image_set:
        extra["image_set"] = message.image_set.model_dump(exclude_none=True)
    attachment = _attachment(message)
    if attachment is not None:
        return Contents(attachment.type, message.text, (attachment,), extra)
    if message.type != "text" or not message.text:
        return Contents(MessageKind.UNSUPPORTED, message.text, (), extra, Content(unsupported=message.type[:64]))
    return Contents(MessageKind.TEXT, message.text, (), extra)


def _attachment(message: Message) -> Attachment | None:
    if message.type == "sticker" and message.sticker_id:
        return _sticker(message, message.sticker_id)
    if message.type == "location" and message.latitude is not None and message.longitude is not None:
        return Attachment(
            type=MessageKind.LOCATION,
            latitude=message.latitude,
            longitude=message.longitude,
            name=message.title,
            address=message.address,
        )
    return _file(message) if message.type in _FILES else None


def _file(message: Message) -> Attachment:
    elsewhere = message.content_provider.original_content_url
    extra: dict[str, Any] = {} if elsewhere else {"message_id": message.id}
    if message.duration is not None:
        extra["duration"] = message.duration
    return Attachment(
        type=_FILES[message.type],
        url=elsewhere,
        mime_type=None if elsewhere else _MIME.get(message.type),
        file_name=message.file_name,
        size=message.file_size,
        extra=extra,
    )


def _sticker(message: Message, sticker_id: str) -> Attachment:
    """`name` is what LINE says that the sticker is about; a sticker with words on it has these as the text."""
    about = {"package_id": message.package_id, "sticker_id": sticker_id}
    return Attachment(
        type=MessageKind.STICKER,
        url=_STICKER_URL.format(sticker_id) if sticker_id.isdecimal() else None,
        mime_type="image/png",
        name=", ".join(message.keywords) or None,
        extra={name: value for name, value in about.items() if value},
    )
