"""What travels on the bus. Consumers must accept every `version` they have ever been sent."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from shared.domain.ids import new_id
from shared.domain.kinds import Consent


class Topic(StrEnum):
    """The topics of the hub."""

    INBOUND = "inbound"
    REPLIES = "replies"
    OUTBOUND = "outbound"
    REALTIME = "realtime"
    EVENTS = "events"


class Event(BaseModel):
    """What all events share. `attempt` is set by the bus on delivery and is not part of the wire form."""

    model_config = ConfigDict(frozen=True)

    version: int = 1
    id: str = Field(default_factory=new_id)
    tenant_id: str
    request_id: str | None = None
    traceparent: str | None = None
    attempt: int = Field(default=1, exclude=True)

    def attributes(self) -> dict[str, str]:
        """What a subscription may filter on."""
        return {}


class InboundEvent(Event):
    """One piece of a provider's webhook: verified, secrets taken out, not yet parsed."""

    instance_id: str
    channel: str
    payload: Any
    received_at: datetime


class ReplyEvent(Event):
    """A customer's message may need an answer.

    A reminder comes when the conversation's agent may have rested. What waits may be tried many times until it is due,
    so that the answer is then asked for by an event of its own. With `consent` nothing is to be answered but that the
    customer has opted out, or in.
    """

    conversation_id: str
    message_id: str
    is_reminder: bool = False
    consent: Consent | None = None


class OutboundEvent(Event):
    """A conversation has something to send, or a campaign, a look at an account, the copy of a file, a team's queue or
    a person who gets conversations is left to who has time.

    The stored documents, not the event, say what. `due_since` is since when a campaign or an account was due: if
    that has changed, somebody else has done it.
    """

    conversation_id: str = ""
    campaign_id: str | None = None
    account_id: str | None = None
    file_copy_id: str | None = None
    team_id: str | None = None
    person_id: str | None = None
    due_since: datetime | None = None
    runtime: Literal["function", "socket"] = "function"

    def attributes(self) -> dict[str, str]:
        return {"runtime": self.runtime}


class EndpointEvent(Event):
    """A webhook endpoint has something to be told: the deliveries of a lane, or without one those of all lanes.

    The stored deliveries, not the event, say what.
    """

    endpoint_id: str
    lane: str = ""


class RealtimeEvent(Event):
    """Something that clients joined to `room` should see at once.

    `is_kept` says that it is in the tenant's event log, too.
    """

    room: str
    name: str
    payload: dict[str, Any]
    is_kept: bool = False


EVENTS: dict[Topic, type[Event]] = {
    Topic.INBOUND: InboundEvent,
    Topic.REPLIES: ReplyEvent,
    Topic.OUTBOUND: OutboundEvent,
    Topic.REALTIME: RealtimeEvent,
    Topic.EVENTS: EndpointEvent,
}
