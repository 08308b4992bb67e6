"""The part of Messenger's webhook events that is read.

https://developers.facebook.com/documentation/business-messaging/messenger-platform/webhooks/webhook-events
"""

from __future__ import annotations

from pydantic import Field

from shared.channelkit.messenger_events import (
    Id,
    MessageRef,
    MessagingEvent,
    Part,
    QuickReply,
    Referral,
    SentAttachment,
    Time,
)


class Message(Part):
    mid: Id
    text: str | None = None
    attachments: list[SentAttachment] = Field(default_factory=list)
    quick_reply: QuickReply | None = None
    reply_to: MessageRef | None = None
    is_echo: bool = False
    is_deleted: bool = False
    app_id: str | None = None
    metadata: str | None = None
    referral: Referral | None = None


class Delivery(Part):
    mids: list[Id] = Field(default_factory=list)
    watermark: Time


class Read(Part):
    watermark: Time


class Event(MessagingEvent):
    """One item of `messaging`; exactly one of the fields after `timestamp` is there."""

    message: Message | None = None
    delivery: Delivery | None = None
    read: Read | None = None
