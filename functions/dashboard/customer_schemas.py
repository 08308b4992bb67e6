"""The Dashboard's wire forms of customers."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BaseModel, Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from functions.dashboard.schemas import CHANNELS, MAX_PAGE, STATUS
from functions.dashboard.vocabulary import ChannelTypeName, Tag
from shared.domain.conversations import Conversation
from shared.domain.customers import Customer, OptOut
from shared.domain.instances import ChannelType
from shared.domain.merges import CustomerMerge
from shared.http.described import DescribedByFields
from shared.http.times import WholeSeconds

_WORDS = {channel.value: word for channel, word in CHANNELS.items()}

Email = Annotated[str, Field(max_length=254, pattern=r"^([^@\s]+@[^@\s]+)?$")]
Phone = Annotated[str, Field(max_length=40, pattern=r"^(\+?[0-9][0-9 ()./-]*)?$")]


class PreferencesOut(BaseModel):
    language: str | None
    preferred_channel: str | None


class OptOutOut(BaseModel):
    """That a customer wants no automatic messages on a channel, null: on any; `reason` is their word, or a note."""

    channel: str | None
    reason: str | None
    opted_out_at: WholeSeconds

    @classmethod
    def of(cls, opt_out: OptOut) -> OptOutOut:
        channel = CHANNELS[opt_out.channel] if opt_out.channel else None
        return cls(channel=channel, reason=opt_out.reason, opted_out_at=opt_out.at)


class OptOutIn(BaseModel):
    """On which channel a customer wants no automatic messages; left out: on any."""

    channel: ChannelTypeName | None = None
    reason: str | None = Field(default=None, max_length=200)


class ProfileOut(DescribedByFields):
    """A person across all channels. `opted_out` is left out of the profile of somebody who has not opted out."""

    customer_id: str
    name: str | None
    email: str | None
    phone: str | None
    preferences: PreferencesOut
    tags: list[str]
    opted_out: list[OptOutOut] = Field(default_factory=list)
    created_at: WholeSeconds

    @model_serializer(mode="wrap")
    def _without_opt_outs(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {name: value for name, value in serialize(self).items() if name != "opted_out" or value}

    @classmethod
    def of(cls, customer: Customer) -> ProfileOut:
        liked = customer.preferences
        channel = liked.preferred_channel
        return cls(
            customer_id=customer.id,
            opted_out=[OptOutOut.of(each) for each in customer.shown_opt_outs()],
            preferences=PreferencesOut(
                language=liked.language, preferred_channel=_WORDS.get(channel, channel) if channel else None
            ),
            **customer.model_dump(include={"name", "email", "phone", "tags", "created_at"}),
        )


class SavedProfileOut(ProfileOut):
    """The profile as it is now."""

    success: bool


class ProfilesOut(BaseModel):
    customers: list[ProfileOut]
    next_cursor: str | None


class ProfilesQuery(BaseModel):
    limit: int = Field(default=50, ge=1, le=MAX_PAGE)
    cursor: str | None = Field(default=None, max_length=2048)


class CustomerPath(BaseModel):
    customer_id: str


class PreferencesIn(BaseModel):
    language: str | None = Field(default=None, max_length=35)
    preferred_channel: ChannelTypeName | None = None

    def set_values(self) -> dict[str, str | None]:
        return {name: _plain(getattr(self, name)) for name in self.model_fields_set}


class ProfileIn(BaseModel):
    """What to change; what is left out stays, in `preferences` too. Null or empty text takes a value away."""

    name: str | None = Field(default=None, max_length=200)
    email: Email | None = None
    phone: Phone | None = None
    preferences: PreferencesIn | None = None
    tags: list[Tag] | None = Field(default=None, max_length=50)
    opted_out: list[OptOutIn] | None = Field(
        default=None, max_length=20, description="All channels on which they want no automatic messages; empty: none."
    )

    def changes(self) -> dict[str, Any]:
        """The given fields in the domain's form."""
        changed: dict[str, Any] = {
            name: _plain(getattr(self, name)) for name in self.model_fields_set & {"name", "email", "phone"}
        }
        if self.preferences is not None:
            changed["preferences"] = self.preferences.set_values()
        if self.tags is not None:
            changed["tags"] = list(dict.fromkeys(self.tags))
        if self.opted_out is not None:
            now = datetime.now(UTC)
            changed["opt_outs"] = [OptOut(channel=each.channel, reason=each.reason, at=now) for each in self.opted_out]
        return changed


class CustomerIn(ProfileIn):
    """A customer who has not written yet. Sessions reach them by `phone` or `email`; one of the three must be there."""

    @model_validator(mode="after")
    def _is_somebody(self) -> CustomerIn:
        if not any(_plain(value) for value in (self.name, self.email, self.phone)):
            raise ValueError("must have a name, an email or a phone")
        return self


def _plain(value: str | None) -> str | None:
    if isinstance(value, ChannelType):
        return value.value
    return (value or "").strip() or None


class HistoryQuery(BaseModel):
    limit: int = Field(default=50, ge=1, le=MAX_PAGE)
    cursor: str | None = Field(default=None, max_length=2048)


class InteractionOut(BaseModel):
    """A session; `summary` is the text it began with, shortened, else its latest one."""

    session_id: str
    channel_type: str
    created_at: WholeSeconds
    status: str
    summary: str

    @classmethod
    def of(cls, conversation: Conversation) -> InteractionOut:
        return cls(
            session_id=conversation.id,
            channel_type=CHANNELS[conversation.channel],
            created_at=conversation.created_at,
            status=STATUS[conversation.status],
            summary=conversation.summary or "",
        )


class HistoryOut(BaseModel):
    interactions: list[InteractionOut]


class MergeIn(BaseModel):
    """The customer to fold into the one of the path."""

    source_id: str = Field(min_length=1, max_length=64)


class UnmergeIn(BaseModel):
    merge_id: str = Field(min_length=1, max_length=64)


class MergeOut(BaseModel):
    """A merge that was made or undone: the source is, or was, part of the customer."""

    success: bool
    merge_id: str
    customer_id: str
    source_id: str

    @classmethod
    def of(cls, merge: CustomerMerge) -> MergeOut:
        return cls(success=True, merge_id=merge.id, customer_id=merge.customer_id, source_id=merge.source_id)
