"""The part of Instagram's webhook events that is read.

https://developers.facebook.com/documentation/business-messaging/instagram-messaging/webhooks
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from shared.channelkit.messenger_events import (
    Id,
    MessageRef,
    MessagingEvent,
    Part,
    QuickReply,
    Referral,
)


class Story(Part):
    """A story that was answered; its URL is good as long as the story is there."""

    id: str | None = None
    url: str | None = None


class RepliedTo(MessageRef):
    """A message by its id, or a story of the account."""

    story: Story | None = None


class SharedContent(Part):
    """What lies behind an attachment; templates have their elements in one of two places."""

    model_config = ConfigDict(extra="ignore")

    url: str | None = None
    title: str | None = None
    generic: dict[str, Any] | None = None
    product: dict[str, Any] | None = None

    @property
    def elements(self) -> list[Any]:
        holder = self.generic or self.product or {}
        elements = holder.get("elements")
        return elements if isinstance(elements, list) else []


class SentAttachment(Part):
    type: str
    payload: SharedContent = SharedContent()


class Message(Part):
    """`is_unsupported` is what Instagram does not hand on: a voice call, a disappearing picture, a gift, …"""

    mid: Id
    text: str | None = None
    attachments: list[SentAttachment] = Field(default_factory=list)
    quick_reply: QuickReply | None = None
    reply_to: RepliedTo | None = None
    referral: Referral | None = None
    is_echo: bool = False
    is_deleted: bool = False
    is_unsupported: bool = False


class Seen(Part):
    """The customer has read this message, and so those before it."""

    mid: Id


class Profile(BaseModel):
    """What the hub looked up of the customer, for events name nobody."""

    name: str | None = None
    username: str | None = None
    profile_pic: str | None = None


class Event(MessagingEvent):
    """One item; exactly one of the fields between `timestamp` and `profile` is there.

    With `is_standby` another program is in charge of the chat, and answers.
    """

    message: Message | None = None
    read: Seen | None = None
    referral: Referral | None = None
    profile: Profile = Profile()
    is_standby: bool = False

    @property
    def is_own(self) -> bool:
        """Whether the account wrote it: in the app, by another program, by the hub, or to itself."""
        echo = self.message is not None and self.message.is_echo
        return echo or (self.sender.id is not None and self.sender.id == self.recipient.id)

    @property
    def customer(self) -> str | None:
        return self.recipient.id if self.is_own else self.sender.id
