"""Updates as they go over the bus: our own JSON, made from MTProto's objects by `telethon_updates`."""

from __future__ import annotations

from typing import Literal

from pydantic import AwareDatetime, BaseModel, Field


class Peer(BaseModel):
    """A person, group or channel under the id that Telegram's bots know it by: groups and channels are negative.

    `access_hash` lets this one account write there.
    """

    id: int
    type: Literal["user", "group", "channel"] = "user"
    access_hash: str | None = None
    title: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    username: str | None = None
    phone: str | None = None
    is_bot: bool = False


class File(BaseModel):
    """What identifies a file to this account; its content is not fetched."""

    id: str
    access_hash: str | None = None
    dc_id: int | None = None
    mime_type: str | None = None
    file_name: str | None = None
    size: int | None = None
    width: int | None = None
    height: int | None = None
    duration: float | None = None
    emoji: str | None = None


class Place(BaseModel):
    latitude: float
    longitude: float
    title: str | None = None
    address: str | None = None


class Contact(BaseModel):
    phone_number: str
    first_name: str = ""
    last_name: str | None = None
    user_id: int | None = None
    vcard: str | None = None


class Poll(BaseModel):
    id: str
    question: str
    options: list[str] = []


FileType = Literal["photo", "video", "video_note", "animation", "audio", "voice", "sticker", "document"]


class Message(BaseModel):
    """`sender` is missing where nobody but the chat itself speaks; `unsupported` names what has no form here.

    `mentioned` is Telegram's word for a message in a group that names the account or answers it. `forwarded_from` is
    who wrote a forwarded message, empty where Telegram does not say; `quote` is the part that is answered.
    """

    id: int
    chat: Peer
    sender: Peer | None = None
    date: AwareDatetime
    edit_date: AwareDatetime | None = None
    out: bool = False
    text: str = ""
    reply_to: int | None = None
    mentioned: bool = False
    forwarded_from: str | None = Field(default=None, max_length=256)
    is_repost: bool = False
    quote: str | None = Field(default=None, max_length=4096)
    grouped_id: str | None = None
    post_author: str | None = None
    file_type: FileType | None = None
    file: File | None = None
    place: Place | None = None
    contact: Contact | None = None
    poll: Poll | None = None
    unsupported: str | None = Field(default=None, max_length=64)


class Deletion(BaseModel):
    """Numbers of messages; `chat` is known for channels and supergroups alone, whose numbers are their own."""

    ids: list[int]
    chat: int | None = None
    at: AwareDatetime


class Update(BaseModel):
    """`typing` is the id of a person who writes in their private chat now."""

    message: Message | None = None
    edited: Message | None = None
    deleted: Deletion | None = None
    typing: int | None = None
