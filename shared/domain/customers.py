"""A customer is a person; an identity is one address of that person on one instance."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TypeAlias

from pydantic import BaseModel, Field

from shared.domain.automatic_answers import AnswerCount
from shared.domain.instances import ChannelType


class Preferences(BaseModel):
    language: str | None = None
    preferred_channel: str | None = None


class OptOut(BaseModel):
    """That a customer wants no automatic messages on a channel since `at`; on any, without a channel.

    `reason` is their word, what the provider says, or what somebody of the business notes. `identity_id` is the address
    that it came from, where it came from one.
    """

    channel: ChannelType | None = None
    reason: str | None = None
    at: datetime
    identity_id: str | None = None


CustomValue: TypeAlias = str | int | float | bool


class Customer(BaseModel):
    """A person across all channels; `custom_fields` are what a business keeps of them beside that, by its own names.

    With `opted_out` no channel brings them what they have not asked for. `opt_outs` has one for each channel, and one
    more for each further address that says so: when a merge is undone, each customer keeps their own.
    `campaign_sent_at` is when campaigns wrote to them, as far back as a cap may count.
    """

    id: str
    tenant_id: str
    name: str | None = None
    email: str | None = None
    phone: str | None = None
    preferences: Preferences = Field(default_factory=Preferences)
    tags: list[str] = Field(default_factory=list)
    custom_fields: dict[str, CustomValue] = Field(default_factory=dict)
    opted_out: bool = False
    opt_outs: list[OptOut] = Field(default_factory=list)
    campaign_sent_at: list[datetime] = Field(default_factory=list)
    merged_into: str | None = None
    created_at: datetime
    updated_at: datetime

    def accepts(self, channel: ChannelType) -> bool:
        """Whether they may be sent on a channel what they have not asked for."""
        return not self.opted_out and all(each.channel not in (None, channel) for each in self.opt_outs)

    def shown_opt_outs(self) -> list[OptOut]:
        """The first one of each channel.

        Before there was a ledger, only whether the customer had opted out was stored.
        """
        first: dict[ChannelType | None, OptOut] = {}
        for each in self.opt_outs:
            first.setdefault(each.channel, each)
        if self.opted_out and None not in first:
            first[None] = OptOut(at=self.updated_at)
        return list(first.values())


class Survey(BaseModel):
    """A question that the customer may answer with a rating of a resolved conversation."""

    conversation_id: str
    until: datetime


class MessageCount(BaseModel):
    """How many messages came from an address within the minute that began at `since`.

    `is_told` says that people know already that there are too many.
    """

    since: datetime
    number: int = 0
    is_told: bool = False

    def within_minute(self, now: datetime) -> int:
        """How many there are, 0 where the minute is over."""
        return self.number if now - self.since < _MINUTE else 0


_MINUTE = timedelta(minutes=1)


def count_message(count: MessageCount | None, now: datetime) -> MessageCount:
    """The count with one more message, in a new minute where the former is over."""
    if count is None or not count.within_minute(now):
        return MessageCount(since=now, number=1)
    return count.model_copy(update={"number": count.number + 1})


class CampaignMark(BaseModel):
    """The campaign to which the customer's next message, until then, is a response.

    `recipient_id` is the document of the one to whom it was sent.
    """

    campaign_id: str
    until: datetime
    recipient_id: str | None = None


class Placement(BaseModel):
    """Where the latest message of a chat was placed in time, beside what its provider said of it."""

    said_at: datetime
    sent_at: datetime


class Identity(BaseModel):
    """An address on one instance, found by its id alone.

    A group chat has one too: its `conversation_id` is the group's open
    conversation, and its customer stands for the group. `is_thread` marks one
    of several chats with a person, who has an identity beside it. `alias_of` names the
    identity that speaks for this one when a provider uses two addresses for the
    same person. `name` is what the provider says, `known_as` what the business
    calls the customer instead. `phone` is the customer's number
    as soon as it is known, which with a hidden address may be later than the
    first message. `waiting_since` is the arrival of the oldest message that
    nobody has answered, kept here too so that storing the next one needs no
    look at the conversation; `automatic_answers` lies here for the same reason.
    `message_count` tells a flood.
    `unsettled_ids` names messages to it of which nobody knows whether the provider has them.
    `awaits_routing` says that routing rules have not been applied to its open
    conversation yet, for it began with a message that is not routed. Nothing is answered by itself at an address that
    has `opted_out`.
    """

    id: str
    tenant_id: str
    instance_id: str
    external_user_id: str
    customer_id: str
    conversation_id: str | None = None
    name: str | None = None
    phone: str | None = None
    email: str | None = None
    known_as: str | None = None
    alias_of: str | None = None
    is_thread: bool = False
    waiting_since: datetime | None = None
    last_inbound_at: datetime | None = None
    last_placement: Placement | None = None
    survey: Survey | None = None
    campaign: CampaignMark | None = None
    automatic_answers: AnswerCount | None = None
    awaits_routing: bool = False
    opted_out: bool = False
    message_count: MessageCount | None = None
    unsettled_ids: list[str] = Field(default_factory=list)
    created_at: datetime

    @property
    def shown_name(self) -> str | None:
        return self.known_as or self.name


class CustomerTag(BaseModel):
    """That a customer has a tag: one document for each tag of each customer, to list customers by tag."""

    tenant_id: str
    tag: str
    customer_id: str
