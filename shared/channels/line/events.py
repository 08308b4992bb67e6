"""The part of LINE's webhook events that is read.

https://developers.line.biz/en/reference/messaging-api/#webhook-event-objects
"""

from __future__ import annotations

from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

Id = Annotated[str, Field(min_length=1, max_length=512)]


class _Part(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)


class Source(_Part):
    """Where something happened. A group's or room's event lacks the `user_id` of who has not agreed to be known."""

    user_id: Id | None = None
    group_id: Id | None = None
    room_id: Id | None = None

    @property
    def group(self) -> str | None:
        """The group's or room's id; both are chats of several people."""
        return self.group_id or self.room_id


class Mentionee(_Part):
    is_self: bool = False


class Mention(_Part):
    mentionees: list[Mentionee] = []


class ContentProvider(_Part):
    """Whether LINE keeps a file, or (`external`) whoever sent it by a link."""

    type: str = "line"
    original_content_url: str | None = None


class ImageSet(_Part):
    """Images that were sent together; each is a message of its own."""

    id: str
    index: int | None = None
    total: int | None = None


class Message(_Part):
    id: Id
    type: str
    text: str | None = None
    quote_token: str | None = None
    quoted_message_id: Id | None = None
    mark_as_read_token: str | None = None
    mention: Mention = Mention()
    content_provider: ContentProvider = ContentProvider()
    image_set: ImageSet | None = None
    file_name: str | None = None
    file_size: int | None = None
    duration: int | None = None
    title: str | None = None
    address: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    package_id: str | None = None
    sticker_id: str | None = None
    keywords: list[str] = []


class Unsend(_Part):
    message_id: Id


class Postback(_Part):
    """`params` is what was picked in a calendar, or the rich menu that was switched to."""

    data: str
    params: dict[str, str] = {}


class Follow(_Part):
    """Whether somebody is back who had blocked the account."""

    is_unblocked: bool = False


class Lookups(_Part):
    """What the hub looked up before the event is read, for events name nobody."""

    name: str | None = None
    group_name: str | None = None


class Event(_Part):
    """`mode` is `standby` while another program is in charge of the chat."""

    type: str
    webhook_event_id: Id
    timestamp: AwareDatetime
    mode: str = "active"
    source: Source = Source()
    reply_token: str | None = None
    message: Message | None = None
    unsend: Unsend | None = None
    postback: Postback | None = None
    follow: Follow = Follow()
    lookups: Lookups = Lookups()
