"""What a message holds: text, a file, a place, a person."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared.channelkit.contents import Contents
from shared.channels.telegram_user.updates import FileType, Message
from shared.domain.content import MOST_ITEMS, Content, Forward, Poll, Quote
from shared.domain.messages import Attachment, MessageKind

_KINDS: Mapping[FileType, MessageKind] = {
    "photo": MessageKind.IMAGE,
    "video": MessageKind.VIDEO,
    "video_note": MessageKind.VIDEO,
    "animation": MessageKind.VIDEO,
    "audio": MessageKind.AUDIO,
    "voice": MessageKind.AUDIO,
    "sticker": MessageKind.STICKER,
    "document": MessageKind.DOCUMENT,
}
_OF_THE_ATTACHMENT = {"mime_type", "file_name", "size"}


def contents(message: Message) -> Contents:
    """What the message holds. Pictures of an album are messages of their own, with one `media_group_id`."""
    attachment = _file(message) or _place(message) or _contact(message) or _poll(message)
    extra: dict[str, Any] = {}
    if message.grouped_id:
        extra["media_group_id"] = message.grouped_id
    if message.post_author:
        extra["author_signature"] = message.post_author
    content = _content(message)
    if attachment is not None:
        text = message.text or (attachment.name if attachment.type is MessageKind.POLL else None)
        return Contents(attachment.type, text, (attachment,), extra, content)
    if message.unsupported:
        return Contents(MessageKind.UNSUPPORTED, message.text or None, (), extra, content)
    return Contents(MessageKind.TEXT, message.text, (), extra, content)


def _content(message: Message) -> Content:
    author, poll = message.forwarded_from, message.poll
    options = [option[:1_000] for option in poll.options[:MOST_ITEMS]] if poll else []
    return Content(
        quoted=Quote(text=message.quote) if message.quote else None,
        forwarded=Forward(author=author or None) if author is not None else None,
        poll=Poll(question=poll.question[:1_000], options=options) if poll else None,
        unsupported=message.unsupported,
    )


def _file(message: Message) -> Attachment | None:
    if message.file is None:
        return None
    form: FileType = message.file_type or "document"
    return Attachment(
        type=_KINDS[form],
        mime_type=message.file.mime_type,
        file_name=message.file.file_name,
        size=message.file.size,
        extra={"telegram_type": form} | message.file.model_dump(exclude=_OF_THE_ATTACHMENT, exclude_none=True),
    )


def _place(message: Message) -> Attachment | None:
    place = message.place
    if place is None:
        return None
    return Attachment(
        type=MessageKind.LOCATION,
        latitude=place.latitude,
        longitude=place.longitude,
        name=place.title,
        address=place.address,
    )


def _contact(message: Message) -> Attachment | None:
    contact = message.contact
    if contact is None:
        return None
    name = " ".join(part for part in (contact.first_name, contact.last_name) if part)
    about = contact.model_dump(include={"phone_number", "user_id", "vcard"}, exclude_none=True)
    return Attachment(type=MessageKind.CONTACT, name=name, extra=about)


def _poll(message: Message) -> Attachment | None:
    poll = message.poll
    if poll is None:
        return None
    return Attachment(type=MessageKind.POLL, name=poll.question, extra={"poll_id": poll.id, "options": poll.options})
