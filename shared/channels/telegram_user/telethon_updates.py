"""telethon's messages as our JSON (see `updates`)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from telethon import utils
from telethon.tl import types

from shared.channels.telegram_user.updates import (
    Contact,
    Deletion,
    File,
    FileType,
    Message,
    Peer,
    Place,
    Poll,
    Update,
)

_NOT_UNSUPPORTED = (types.MessageMediaWebPage, types.MessageMediaEmpty)


def message_update(message: Any, chat: Any, sender: Any, *, edited: bool = False) -> dict[str, Any] | None:
    """A new or changed message; None for what is nobody's message here.

    Notes that Telegram puts into a chat, posts of the channels that the account
    reads, and what its owner's notes to self are left out.
    """
    if not isinstance(message, types.Message) or message.date is None:
        return None
    peer = _peer(chat, utils.get_peer_id(message.peer_id))
    if _is_broadcast(chat) or getattr(chat, "is_self", False):
        return None
    read = Message(
        id=message.id,
        chat=peer,
        sender=_peer(sender, utils.get_peer_id(message.from_id)) if message.from_id else None,
        date=message.date,
        edit_date=None if message.edit_hide else message.edit_date,
        out=bool(message.out),
        reply_to=getattr(message.reply_to, "reply_to_msg_id", None),
        mentioned=bool(message.mentioned),
        forwarded_from=_forwarded_from(message.fwd_from),
        is_repost=bool(getattr(message.fwd_from, "saved_from_peer", None)) and isinstance(chat, types.Channel),
        quote=(getattr(message.reply_to, "quote_text", None) or "")[:4096] or None,
        grouped_id=str(message.grouped_id) if message.grouped_id else None,
        post_author=message.post_author,
        **{"text": message.message or "", **_media(message.media)},
    )
    update = Update(edited=read) if edited else Update(message=read)
    return update.model_dump(mode="json", exclude_none=True)


def _forwarded_from(header: Any) -> str | None:
    """Whom Telegram names as the author of a forwarded message; its people are known by number alone here."""
    if header is None:
        return None
    return (header.from_name or header.post_author or "")[:256]


def deleted(ids: Iterable[int], chat: int | None) -> dict[str, Any]:
    deletion = Deletion(ids=list(ids), chat=chat, at=datetime.now(UTC))
    return Update(deleted=deletion).model_dump(mode="json", exclude_none=True)


def typing(update: types.UpdateUserTyping) -> dict[str, Any] | None:
    """Somebody who writes, records or picks a file in their private chat; None when they have stopped."""
    if isinstance(update.action, types.SendMessageCancelAction):
        return None
    return Update(typing=update.user_id).model_dump(mode="json", exclude_none=True)


def _is_broadcast(chat: Any) -> bool:
    return isinstance(chat, types.Channel) and not chat.megagroup


def _peer(entity: Any, marked_id: int) -> Peer:
    """`marked_id` is all that is known of somebody whom telethon has not seen."""
    if isinstance(entity, types.User):
        return Peer(
            id=marked_id,
            access_hash=_hash(entity),
            first_name=entity.first_name,
            last_name=entity.last_name,
            username=entity.username,
            phone=entity.phone,
            is_bot=bool(entity.bot),
        )
    if isinstance(entity, types.Channel):
        kind = "group" if entity.megagroup else "channel"
        return Peer.model_validate(
            {
                "id": marked_id,
                "type": kind,
                "access_hash": _hash(entity),
                "title": entity.title,
                "username": entity.username,
            }
        )
    title = getattr(entity, "title", None)
    return Peer(id=marked_id, type="user" if marked_id > 0 else "group", title=title)


def _hash(entity: Any) -> str | None:
    """A `min` entity's hash is good for nothing (https://core.telegram.org/api/min)."""
    return None if entity.min or entity.access_hash is None else str(entity.access_hash)


def _media(media: Any) -> dict[str, Any]:
    if media is None or isinstance(media, _NOT_UNSUPPORTED):
        return {}
    for read in (_photo, _document, _place, _contact, _poll):
        content = read(media)
        if content:
            return content
    if isinstance(media, types.MessageMediaDice):
        return {"text": f"{media.emoticon} {media.value}"}
    return {"unsupported": type(media).__name__.removeprefix("MessageMedia").lower()[:64]}


def _photo(media: Any) -> dict[str, Any]:
    photo = getattr(media, "photo", None)
    if not isinstance(media, types.MessageMediaPhoto) or not isinstance(photo, types.Photo):
        return {}
    sizes = [
        (candidate.w, candidate.h)
        for candidate in photo.sizes
        if isinstance(candidate, (types.PhotoSize, types.PhotoSizeProgressive))
    ]
    width, height = max(sizes, default=(None, None), key=lambda size: size[0] * size[1])
    file = File(
        id=str(photo.id),
        access_hash=str(photo.access_hash),
        dc_id=photo.dc_id,
        mime_type="image/jpeg",
        width=width,
        height=height,
    )
    return {"file": file, "file_type": "photo"}


def _document(media: Any) -> dict[str, Any]:
    document = getattr(media, "document", None)
    if not isinstance(media, types.MessageMediaDocument) or not isinstance(document, types.Document):
        return {}
    attributes = {type(attribute): attribute for attribute in document.attributes}
    name = attributes.get(types.DocumentAttributeFilename)
    sticker = attributes.get(types.DocumentAttributeSticker)
    moving = attributes.get(types.DocumentAttributeVideo)
    picture = moving or attributes.get(types.DocumentAttributeImageSize)
    timed = moving or attributes.get(types.DocumentAttributeAudio)
    file = File(
        id=str(document.id),
        access_hash=str(document.access_hash),
        dc_id=document.dc_id,
        mime_type=document.mime_type,
        file_name=name.file_name if name else None,
        size=document.size,
        width=picture.w if picture else None,
        height=picture.h if picture else None,
        duration=timed.duration if timed else None,
        emoji=sticker.alt if sticker else None,
    )
    return {"file": file, "file_type": _file_type(attributes)}


def _file_type(attributes: dict[type, Any]) -> FileType:
    """What an animation has beside being one comes later: the first that is there decides."""
    if types.DocumentAttributeSticker in attributes:
        return "sticker"
    if types.DocumentAttributeAnimated in attributes:
        return "animation"
    if video := attributes.get(types.DocumentAttributeVideo):
        return "video_note" if video.round_message else "video"
    if audio := attributes.get(types.DocumentAttributeAudio):
        return "voice" if audio.voice else "audio"
    return "document"


def _place(media: Any) -> dict[str, Any]:
    point = getattr(media, "geo", None)
    if not isinstance(point, types.GeoPoint):
        return {}
    title, address = getattr(media, "title", None), getattr(media, "address", None)
    return {"place": Place(latitude=point.lat, longitude=point.long, title=title or None, address=address or None)}


def _contact(media: Any) -> dict[str, Any]:
    if not isinstance(media, types.MessageMediaContact):
        return {}
    return {
        "contact": Contact(
            phone_number=media.phone_number,
            first_name=media.first_name,
            last_name=media.last_name or None,
            user_id=media.user_id or None,
            vcard=media.vcard or None,
        )
    }


def _poll(media: Any) -> dict[str, Any]:
    if not isinstance(media, types.MessageMediaPoll):
        return {}
    poll = media.poll
    options = [_plain(getattr(answer, "text", None)) for answer in poll.answers]
    return {"poll": Poll(id=str(poll.id), question=_plain(poll.question), options=options)}


def _plain(text: Any) -> str:
    """Polls have their texts with entities."""
    return str(getattr(text, "text", text) or "")
