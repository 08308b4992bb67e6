"""OmniChat's forms of a conversation as its inbox shows it, and of answering by itself there."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator
from pydantic.alias_generators import to_camel

from functions.omnichat.realtime_schemas import ConversationOut, MessageOut
from functions.omnichat.schemas import AgentChoice, Request
from shared.domain.conversations import ConversationStatus, Priority
from shared.domain.messages import Message
from shared.http.display_names import NOT_BLANK
from shared.http.times import AwareMoment, Milliseconds
from shared.usecases.conversations import conversations
from shared.usecases.conversations.notes import MOST_MENTIONS
from shared.usecases.conversations.rows import Row

TagName = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)]
"""What conversations are sorted by. Blanks around it do not count."""


class _Wire(BaseModel):
    model_config = ConfigDict(
        alias_generator=to_camel, validate_by_name=True, serialize_by_alias=True, defer_build=True
    )


# The Dashboard's words are understood here too.
_STATUS_WORDS = {"active": "open", "resolved": "closed"}


def status_word(value: object) -> object:
    """A status in the domain's form, whatever its case."""
    return _STATUS_WORDS.get(value.lower(), value.lower()) if isinstance(value, str) else value


class ConversationChange(Request, _Wire):
    """What to change; what is left out stays. An `assigneeId` of null takes the assignee away."""

    takes_away = frozenset({"assignee_id"})

    status: ConversationStatus | None = Field(default=None, description="OPEN, CLOSED or SNOOZED")
    assignee_id: str | None = Field(default=None, max_length=64)
    priority: Priority | None = Field(default=None, description="LOW, NORMAL, HIGH or URGENT")
    snoozed_until: AwareMoment | None = None
    tags: list[TagName] | None = Field(
        default=None, max_length=50, description="All of them, in the place of the former."
    )
    ask_rating: bool = Field(
        default=True,
        description="Whether a customer whose conversation closes is asked for a rating, where the channel asks.",
    )

    _any_case = field_validator("status", "priority", mode="before")(status_word)

    def to_domain(self) -> conversations.Changes:
        has_assignee = "assignee_id" in self.model_fields_set
        until: datetime | None = self.snoozed_until
        return conversations.Changes(
            status=self.status,
            assignee_id=(self.assignee_id or "") if has_assignee else None,
            priority=self.priority,
            snoozed_until=until,
            tags=None if self.tags is None else tuple(self.tags),
            asks_rating=self.ask_rating,
        )


class NoteIn(Request, _Wire):
    """What to note. `mentionedIds` are users, who get a notification.

    So does who follows an `@` in the text: by e-mail address, by what it has before the `@`, or by name without blanks.
    """

    text: Annotated[str, NOT_BLANK] = Field(min_length=1, max_length=65_536, examples=["@ann can you look into this?"])
    mentioned_ids: list[Annotated[str, Field(max_length=64)]] = Field(
        default_factory=list, max_length=MOST_MENTIONS, examples=[[]]
    )


class NoteOut(_Wire):
    """The note as it stands among the messages, with the direction `SYSTEM`, and all whom it mentions."""

    ok: Literal[True] = True
    message: MessageOut
    mentioned_ids: list[str]


class ConversationCustomerOut(_Wire):
    """Whom the conversation is with; `externalId` is their address on the channel."""

    id: str
    name: str | None
    external_id: str


class LastMessageOut(_Wire):
    """As much of a message as a list shows."""

    id: str
    text: str | None
    direction: str
    created_at: Milliseconds

    @classmethod
    def of(cls, message: Message) -> LastMessageOut:
        same = message.model_dump(include={"id", "text", "created_at"})
        return cls(**same, direction=message.direction.upper())


class ConversationRow(ConversationOut):
    """A conversation with what the inbox shows of it.

    Agents answer by themselves where `autoReplyEnabled` is true: `autoReplyAgentId`, else whoever does on the channel.
    `unread` counts the customer's messages that nobody of the business has read, `needsReplySince` is when the oldest
    one that nobody has answered came.
    """

    customer: ConversationCustomerOut
    phone_number: str | None
    last_message: LastMessageOut | None
    auto_reply_enabled: bool
    auto_reply_agent_id: str | None
    assignee_name: str | None
    tags: list[str]
    unread: int
    needs_reply_since: Milliseconds | None
    etag: str = Field(description="What a change of the conversation takes as `If-Match`.")

    @classmethod
    def of_row(cls, row: Row) -> ConversationRow:
        conversation, last_message = row.conversation, row.last_message
        return cls(
            **ConversationOut.of(conversation).model_dump(by_alias=False),
            customer=ConversationCustomerOut(
                id=conversation.customer_id,
                name=conversation.customer_name,
                external_id=conversation.external_user_id,
            ),
            phone_number=None if conversation.is_group else conversation.phone_number,
            last_message=LastMessageOut.of(last_message) if last_message else None,
            auto_reply_enabled=conversation.auto_reply_enabled,
            auto_reply_agent_id=conversation.auto_reply_agent_id,
            assignee_name=row.assignee_name,
            tags=conversation.tags,
            unread=conversation.unread_count,
            needs_reply_since=conversation.needs_reply_since,
            etag=f'"{conversation.revision}"',
        )


class ConversationPage(_Wire):
    ok: Literal[True] = True
    conversations: list[ConversationRow]
    next_cursor: str | None


class MessagePage(_Wire):
    """Oldest first; `nextCursor` leads to older ones."""

    ok: Literal[True] = True
    messages: list[MessageOut]
    next_cursor: str | None


class AutoReplyIn(Request, _Wire):
    """Whether agents answer in a conversation by themselves, and which one, where it is not whoever else would."""

    enabled: bool
    agent_id: AgentChoice = None


class OfferIn(Request, _Wire):
    """`assigneeId` is whom a conversation is offered to above all: a user or a team; anybody may accept it."""

    model_config = ConfigDict(json_schema_extra={"example": {"reason": "The customer wants to speak to a manager"}})

    reason: str | None = Field(default=None, max_length=500)
    assignee_id: str | None = Field(default=None, max_length=64)


class AutoReplyOut(_Wire):
    ok: Literal[True] = True
    conversation: ConversationRow
