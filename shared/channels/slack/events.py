"""The part of Slack's events and interactions that is read (https://docs.slack.dev/reference/events)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, BaseModel, Field


def moment(ts: str) -> datetime:
    """The time in a message's `ts`, which is its id in its channel too: seconds since 1970, a point, six digits."""
    return datetime.fromtimestamp(float(ts), UTC)


def _ts(value: str) -> str:
    seconds, _, rest = value.partition(".")
    digits = seconds + rest
    if not (0 < len(seconds) <= 12 and 0 < len(rest) <= 9 and digits.isascii() and digits.isdecimal()):
        raise ValueError("give a ts such as 1712345678.000200")
    try:
        moment(value)
    except (OverflowError, OSError, ValueError):
        raise ValueError("the ts is out of range") from None
    return value


Ts = Annotated[str, AfterValidator(_ts)]
Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]


class Authorization(BaseModel):
    """One installation that an event is for; `user_id` is the bot's, where `is_bot`."""

    user_id: str | None = None
    team_id: str | None = None
    enterprise_id: str | None = None
    is_bot: bool = False


class Callback(BaseModel):
    """The envelope of an event; `name` is the writer's, where it was looked up."""

    name: str | None = None
    api_app_id: str | None = None
    event_id: str | None = None
    authorizations: list[Authorization] = []
    event: dict[str, Any]

    @property
    def bot_user(self) -> str | None:
        return next((authorization.user_id for authorization in self.authorizations if authorization.is_bot), None)


class File(BaseModel):
    """`mode` says what it is: hosted, a snippet, a post, `external`, or that it is not to be had."""

    id: Id
    name: str | None = None
    title: str | None = None
    mimetype: str | None = None
    size: int | None = None
    mode: str = ""
    url_private: str | None = None


class Edited(BaseModel):
    user: str | None = None
    ts: Ts


class Written(BaseModel):
    """What a message and the inner one of a `message_changed` share."""

    subtype: str | None = None
    user: Id | None = None
    bot_id: str | None = None
    text: str | None = None
    ts: Ts
    thread_ts: Ts | None = None
    edited: Edited | None = None


class Shared(BaseModel):
    """What is attached to a message; where it `is_share`, a message from elsewhere that was passed on."""

    is_share: bool = False
    is_msg_unfurl: bool = False
    author_name: str | None = None
    text: str | None = None
    fallback: str | None = None
    files: list[File] = []


class Message(Written):
    """A `message` or an `app_mention`."""

    type: str
    channel: Id
    channel_type: str | None = None
    files: list[File] = []
    attachments: list[Shared] = []


class Changed(BaseModel):
    channel: Id
    channel_type: str | None = None
    message: Written
    event_ts: Ts


class Deleted(BaseModel):
    channel: Id
    channel_type: str | None = None
    deleted_ts: Ts
    event_ts: Ts


class Item(BaseModel):
    type: str
    channel: Id | None = None
    ts: Ts | None = None


class Reaction(BaseModel):
    type: str
    user: Id
    reaction: str = Field(max_length=128)
    item: Item
    event_ts: Ts


class Revoked(BaseModel):
    """The users whose tokens of each kind were revoked."""

    oauth: list[str] = []
    bot: list[str] = []


class TokensRevoked(BaseModel):
    tokens: Revoked


class Text(BaseModel):
    text: str = ""


class Option(BaseModel):
    text: Text | None = None
    value: str | None = None


class Action(BaseModel):
    """An element that somebody used; which of the fields it has depends on its type."""

    action_id: str = Field(max_length=255)
    action_ts: Ts
    value: str | None = None
    text: Text | None = None
    selected_option: Option | None = None
    selected_options: list[Option] = []
    selected_date: str | None = None
    selected_time: str | None = None


class User(BaseModel):
    id: Id
    username: str | None = None
    name: str | None = None


class Channel(BaseModel):
    id: Id


class Carrier(BaseModel):
    """The message that an element is part of."""

    ts: Ts
    thread_ts: Ts | None = None


class BlockActions(BaseModel):
    user: User
    channel: Channel | None = None
    message: Carrier | None = None
    actions: list[Action]


class Command(BaseModel):
    """A slash command. `received_at` is added when it comes in, for Slack does not date it."""

    command: str = Field(max_length=64)
    text: str = ""
    user_id: Id
    user_name: str | None = None
    channel_id: Id
    trigger_id: str = Field(max_length=255)
    received_at: AwareDatetime
