"""OmniChat's forms of a conversation as its inbox shows it, and of answering by itself there."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from functions.omnichat.realtime_schemas import ConversationOut, MessageOut
from functions.omnichat.schemas import AgentChoice, Request
from shared.domain.conversations import Conversation
from shared.domain.messages import Message
from shared.http.times import Milliseconds


class _Wire(BaseModel):
    model_config = ConfigDict(
        alias_generator=to_camel, validate_by_name=True, serialize_by_alias=True, defer_build=True
    )


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
    """

    customer: ConversationCustomerOut
    phone_number: str | None
    last_message: LastMessageOut | None
    auto_reply_enabled: bool
    auto_reply_agent_id: str | None

    @classmethod
    def row(cls, conversation: Conversation, last_message: Message | None) -> ConversationRow:
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
