"""What the genuine dashboard's start page reads beside the documented keys: telephone and video calls.

It invents figures and calls where an answer has none. Every other client gets the documented keys and no others.
"""

from __future__ import annotations

from datetime import datetime

from flask import Response, request
from pydantic import BaseModel, Field

from shared.domain.calls import Call, CallState
from shared.domain.conversations import Conversation

MARK = "X-Client-Version"
"""The header by which the start page is known: the documented clients do not send it."""

_STATUS = {CallState.RINGING: "ringing", CallState.LIVE: "in-progress", CallState.ENDED: "completed"}


class LiveCall(BaseModel):
    """A call. `contact` is who calls, or their number; `duration` is its minutes and seconds, so far or in all."""

    id: str
    contact: str | None = Field(examples=["Maria"])
    phone: str | None
    status: str = Field(description="ringing, in-progress or completed", examples=["in-progress"])
    duration: str = Field(examples=["2:34"])
    state: str = Field(description="ringing, live or ended", examples=["live"])

    @classmethod
    def of(cls, call: Call, conversation: Conversation | None, now: datetime) -> LiveCall:
        phone = conversation.phone_number if conversation else None
        minutes, seconds = divmod(max(0, int(((call.ended_at or now) - call.started_at).total_seconds())), 60)
        return cls(
            id=call.id,
            contact=(conversation.customer_name if conversation else None) or phone,
            phone=phone,
            status=_STATUS[call.state],
            duration=f"{minutes}:{seconds:02}",
            state=call.state.value,
        )


def asks() -> bool:
    """Whether the request is the start page's."""
    return MARK in request.headers


def with_vary(response: Response) -> Response:
    """The answer, of which caches keep one for the start page and one for everybody else."""
    response.headers.add("Vary", MARK)
    return response
