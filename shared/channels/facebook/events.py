"""The part of Messenger's webhook events that is read.

https://developers.facebook.com/documentation/business-messaging/messenger-platform/webhooks/webhook-events
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


def _unix_time(value: object) -> object:
    """Times are milliseconds since 1970, in a few documented places seconds, and now and then a string."""
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        raise ValueError("give a time in milliseconds")
    try:
        number = int(value)
        return datetime.fromtimestamp(number / 1000 if number >= _MILLISECONDS_FROM else number, UTC)
    except (OverflowError, OSError, ValueError):
        raise ValueError("the time is out of range") from None


# 10^11 ms are March 1973 and 10^11 s the year 5138: no message is of either.
_MILLISECONDS_FROM = 100_000_000_000

Time = Annotated[datetime, BeforeValidator(_unix_time)]
Id = Annotated[str, Field(min_length=1, max_length=512)]


class _Part(BaseModel):
    model_config = ConfigDict(coerce_numbers_to_str=True)


class Party(_Part):
    """`user_ref` stands for somebody who has not written yet and has no page-scoped id."""

    id: Id | None = None
    user_ref: str | None = None


class Coordinates(BaseModel):
    lat: float
    long: float


class AttachmentPayload(_Part):
    url: str | None = None
    title: str | None = None
    sticker_id: str | None = None
    coordinates: Coordinates | None = None
    template_type: str | None = None
    text: str | None = None
    elements: list[dict[str, Any]] = []


class SentAttachment(_Part):
    type: str
    title: str | None = None
    url: str | None = None
    payload: AttachmentPayload | None = None


class MessageRef(_Part):
    mid: Id | None = None


class QuickReply(_Part):
    payload: str | None = None


class Product(_Part):
    id: str | None = None


class AdContext(_Part):
    ad_title: str | None = None


class Referral(_Part):
    """The advertisement, product or link that the customer came from."""

    source: str | None = None
    ref: str | None = None
    ad_id: str | None = None
    referer_uri: str | None = None
    product: Product | None = None
    ads_context_data: AdContext | None = None


class Message(_Part):
    mid: Id
    text: str | None = None
    attachments: list[SentAttachment] = []
    quick_reply: QuickReply | None = None
    reply_to: MessageRef | None = None
    is_echo: bool = False
    is_deleted: bool = False
    app_id: str | None = None
    metadata: str | None = None
    referral: Referral | None = None


class MessageEdit(_Part):
    mid: Id
    text: str = ""


class Postback(_Part):
    mid: Id | None = None
    title: str | None = None
    payload: str | None = None
    referral: Referral | None = None


class Reaction(_Part):
    mid: Id
    action: str
    emoji: str | None = None
    reaction: str | None = None


class Delivery(_Part):
    mids: list[Id] = []
    watermark: Time


class Read(_Part):
    watermark: Time


class Event(_Part):
    """One item of `messaging`; exactly one of the fields after `timestamp` is there."""

    sender: Party
    recipient: Party
    timestamp: Time | None = None
    message: Message | None = None
    message_edit: MessageEdit | None = None
    postback: Postback | None = None
    reaction: Reaction | None = None
    delivery: Delivery | None = None
    read: Read | None = None
