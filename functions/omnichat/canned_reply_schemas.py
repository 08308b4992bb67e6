"""OmniChat's forms of canned replies."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field, StringConstraints

from functions.omnichat.schemas import Request, Wire
from shared.domain.canned_replies import CannedReply
from shared.http.display_names import NOT_BLANK
from shared.http.times import Milliseconds
from shared.usecases.conversations.canned_replies import MOST

ShortCode = Annotated[
    str,
    StringConstraints(strip_whitespace=True, to_lower=True, pattern=r"^[\w.-]{1,40}$"),
    Field(description="Letters, digits, `.`, `-` and `_`, in upper or lower case alike.", examples=["hours"]),
]
Text = Annotated[str, Field(min_length=1, max_length=4096, examples=["We are open from 9 to 17."]), NOT_BLANK]


class CannedReplyIn(Request, Wire):
    short_code: ShortCode
    text: Text


class CannedReplyChange(Request, Wire):
    """What to change; what is left out stays."""

    short_code: ShortCode | None = None
    text: Text | None = None


class CannedReplyPath(BaseModel):
    id: str = Field(max_length=64)


class CannedRepliesQuery(Wire):
    q: Annotated[str, StringConstraints(strip_whitespace=True, to_lower=True, max_length=41)] = Field(
        default="", description="How the short codes begin."
    )
    limit: int = Field(default=MOST, ge=1, le=MOST)
    cursor: str | None = Field(default=None, max_length=2048)


class CannedReplyOut(Wire):
    id: str
    short_code: str
    text: str
    created_at: Milliseconds
    updated_at: Milliseconds

    @classmethod
    def of(cls, reply: CannedReply) -> CannedReplyOut:
        return cls.model_validate(reply.model_dump(exclude={"tenant_id"}))


class CannedRepliesOut(Wire):
    """In the order of their short codes."""

    canned_replies: list[CannedReplyOut]
    next_cursor: str | None
