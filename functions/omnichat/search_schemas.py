"""OmniChat's forms of searching."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from functions.omnichat.conversation_schemas import ConversationRow
from functions.omnichat.customer_schemas import CustomerOut
from functions.omnichat.realtime_schemas import MessageOut
from functions.omnichat.schemas import Wire
from shared.domain.messages import Message
from shared.errors import BadRequest
from shared.usecases.conversations.searching import MOST


class Group(StrEnum):
    PEOPLE = "people"
    MESSAGES = "messages"


class SearchQuery(Wire):
    """What to look for; `group` with the `nextCursor` of a group goes on in that one."""

    q: str = Field(default="", max_length=200, description="Words, or a telephone number.")
    limit: int = Field(default=10, ge=1, le=MOST)
    group: Group | None = Field(default=None, description="`people` or `messages`: nothing else is looked for.")
    cursor: str | None = Field(default=None, max_length=2048)

    def check(self) -> None:
        """Raise `BadRequest` for a cursor that does not say of which group it is."""
        if self.cursor is not None and self.group is None:
            raise BadRequest.of_field("group", "is missing", "name the group that the cursor is of")


class PeopleGroup(Wire):
    results: list[CustomerOut]
    next_cursor: str | None


class ConversationGroup(Wire):
    results: list[ConversationRow]


class MessageHit(MessageOut):
    """A message, and the name of the customer in whose conversation it lies."""

    customer_name: str | None

    @classmethod
    def of_hit(cls, message: Message, customer_name: str | None) -> MessageHit:
        return cls(**MessageOut.of(message).model_dump(by_alias=False), customer_name=customer_name)


class MessageGroup(Wire):
    results: list[MessageHit]
    next_cursor: str | None


class SearchOut(Wire):
    """The newest results of each group; `conversations` are those of the people."""

    people: PeopleGroup
    conversations: ConversationGroup
    messages: MessageGroup
