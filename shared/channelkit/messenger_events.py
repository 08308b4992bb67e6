"""Parts of webhook events that Messenger and Instagram have in common.

https://developers.facebook.com/documentation/business-messaging/messenger-platform/webhooks/webhook-events
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from shared.channelkit.contents import short
from shared.domain import content
from shared.errors import PayloadInvalid


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


class Part(BaseModel):
    """Meta writes an id now as a string and now as a number."""

    model_config = ConfigDict(coerce_numbers_to_str=True)


class Party(Part):
    """`user_ref` stands for somebody who has not written yet and has no page-scoped id."""

    id: Id | None = None
    user_ref: str | None = None


class Coordinates(BaseModel):
    lat: float
    long: float


class AttachmentPayload(Part):
    url: str | None = None
    title: str | None = None
    sticker_id: str | None = None
    coordinates: Coordinates | None = None
    template_type: str | None = None
    text: str | None = None
    elements: list[dict[str, Any]] = []


class SentAttachment(Part):
    type: str
    title: str | None = None
    url: str | None = None
    payload: AttachmentPayload | None = None


class MessageRef(Part):
    mid: Id | None = None


class QuickReply(Part):
    payload: str | None = None


class Product(Part):
    id: str | None = None


class AdContext(Part):
    ad_title: str | None = None


class Referral(Part):
    """The advertisement, product or link that the customer came from."""

    source: str | None = None
    ref: str | None = None
    ad_id: str | None = None
    referer_uri: str | None = None
    product: Product | None = None
    ads_context_data: AdContext | None = None

    @property
    def content(self) -> content.Referral:
        """The same in the normal form."""
        return content.Referral(
            source=short(self.source),
            title=short(self.ads_context_data.ad_title) if self.ads_context_data else None,
            url=self.referer_uri,
            ad_id=short(self.ad_id),
            product_id=short(self.product.id) if self.product else None,
            ref=short(self.ref),
        )


class MessageEdit(Part):
    mid: Id
    text: str = ""


class Postback(Part):
    mid: Id | None = None
    title: str | None = None
    payload: str | None = None
    referral: Referral | None = None

    @property
    def content(self) -> content.Content:
        """What was pressed, and what led there."""
        return content.Content(
            pressed=content.Press(title=short(self.title), payload=self.payload),
            referral=self.referral.content if self.referral else None,
        )


class Reaction(Part):
    mid: Id
    action: str
    emoji: str | None = None
    reaction: str | None = None

    @property
    def current(self) -> str:
        """The emoji that is there now, by its name where it has no other; empty when it was taken back."""
        return "" if self.action == "unreact" else self.emoji or f":{self.reaction or 'other'}:"


class MessagingEvent(Part):
    """What one item of both has; of the fields after `timestamp`, and of those that each adds, one is there."""

    sender: Party
    recipient: Party
    timestamp: Time | None = None
    message_edit: MessageEdit | None = None
    postback: Postback | None = None
    reaction: Reaction | None = None

    @property
    def happened_at(self) -> datetime:
        """Raises `PayloadInvalid` where Meta does not tell."""
        if self.timestamp is None:
            raise PayloadInvalid("timestamp is missing")
        return self.timestamp

    def own_id(self, kind: str, customer: str) -> str:
        """An id for what Meta gives none."""
        return f"{kind}:{customer}:{round(self.happened_at.timestamp() * 1000)}"
