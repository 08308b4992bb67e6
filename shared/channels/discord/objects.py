"""The part of Discord's objects that is read (https://docs.discord.com/developers/resources/message)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, Field

Snowflake = Annotated[str, Field(pattern=r"^[0-9]{1,20}$")]
"""An id of 64 bits; it is text, for JSON's numbers have fewer."""

_EPOCH_MS = 1_420_070_400_000


def moment(snowflake: str) -> datetime:
    """When what has this id was made (https://docs.discord.com/developers/reference#snowflakes)."""
    return datetime.fromtimestamp(((int(snowflake) >> 22) + _EPOCH_MS) / 1000, UTC)


class User(BaseModel):
    id: Snowflake
    username: str | None = None
    global_name: str | None = None
    bot: bool = False


class Member(BaseModel):
    user: User | None = None
    nick: str | None = None


class File(BaseModel):
    """An attachment; its address is signed and good for about a day."""

    id: Snowflake
    filename: str | None = None
    content_type: str | None = None
    size: int | None = None
    url: str | None = None


class Sticker(BaseModel):
    id: Snowflake
    name: str | None = None
    format_type: int = 1


class Reference(BaseModel):
    message_id: Snowflake | None = None


class Referenced(BaseModel):
    author: User | None = None


class Question(BaseModel):
    text: str | None = None


class PollAnswer(BaseModel):
    poll_media: Question


class Poll(BaseModel):
    question: Question
    answers: list[PollAnswer] = []


class Snapshot(BaseModel):
    """A message from elsewhere as it was when somebody passed it on."""

    content: str = ""
    attachments: list[File] = []
    sticker_items: list[Sticker] = []


class PassedOn(BaseModel):
    message: Snapshot


class Message(BaseModel):
    """A message as the gateway tells of it, and as an interaction names the one it belongs to."""

    id: Snowflake
    channel_id: Snowflake
    guild_id: Snowflake | None = None
    author: User | None = None
    member: Member | None = None
    webhook_id: Snowflake | None = None
    content: str = ""
    timestamp: AwareDatetime | None = None
    edited_timestamp: AwareDatetime | None = None
    type: int = 0
    mentions: list[User] = []
    attachments: list[File] = []
    sticker_items: list[Sticker] = []
    poll: Poll | None = None
    message_reference: Reference | None = None
    message_snapshots: list[PassedOn] = []
    referenced_message: Referenced | None = None


class DeletedMessage(BaseModel):
    id: Snowflake
    channel_id: Snowflake
    guild_id: Snowflake | None = None


class DeletedMessages(BaseModel):
    ids: list[Snowflake]
    channel_id: Snowflake
    guild_id: Snowflake | None = None


class Emoji(BaseModel):
    id: Snowflake | None = None
    name: str | None = None


class Reaction(BaseModel):
    user_id: Snowflake
    channel_id: Snowflake
    message_id: Snowflake
    emoji: Emoji


class Typing(BaseModel):
    user_id: Snowflake
    guild_id: Snowflake | None = None


class Option(BaseModel):
    """An option of a command: a value, or a subcommand with options of its own."""

    name: str
    type: int = 3
    value: str | int | float | bool | None = None
    options: list[Option] = []


class Target(BaseModel):
    content: str = ""


class Resolved(BaseModel):
    attachments: dict[str, File] = {}
    messages: dict[str, Target] = {}


class Data(BaseModel):
    """What an interaction holds; which fields depends on its type."""

    name: str | None = None
    type: int = 1
    options: list[Option] = []
    resolved: Resolved = Resolved()
    target_id: Snowflake | None = None
    custom_id: str | None = Field(default=None, max_length=100)
    values: list[str] = []
    components: list[dict[str, Any]] = []


class Carrier(BaseModel):
    """The message that a component is part of."""

    id: Snowflake
    components: list[dict[str, Any]] = []


class Interaction(BaseModel):
    """`context` is 0 in a server, 1 in direct messages with the bot, 2 in those between people; `token` is sealed."""

    id: Snowflake
    application_id: Snowflake
    type: int
    token: str = Field(max_length=2048)
    guild_id: Snowflake | None = None
    channel_id: Snowflake
    member: Member | None = None
    user: User | None = None
    context: int | None = None
    data: Data
    message: Carrier | None = None
