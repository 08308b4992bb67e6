"""Calls, by telephone or video: where each stands, and how long it took."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel

from shared.domain.instances import ChannelType


class CallState(StrEnum):
    """How far a call has come; it only ever goes on."""

    RINGING = "ringing"
    LIVE = "live"
    ENDED = "ended"


_ORDER = list(CallState)


def later_state(current: CallState, reported: CallState) -> CallState:
    """Providers tell in any order and more than once."""
    return max(current, reported, key=_ORDER.index)


class Call(BaseModel):
    """One call. `open` is true until it ended; `seconds` and `quality` (0 to 5) stay None while nobody knows them."""

    id: str
    tenant_id: str
    instance_id: str
    channel: ChannelType
    conversation_id: str | None = None
    external_call_id: str
    state: CallState = CallState.RINGING
    open: bool = True
    outcome: str | None = None
    seconds: float | None = None
    quality: float | None = None
    started_at: datetime
    ended_at: datetime | None = None
    updated_at: datetime
