"""The kept events of a tenant, and how far in them somebody has come."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from pydantic import BaseModel, Field

SETTLES_WITHIN = timedelta(seconds=30)
"""An event is dated when it is published, and can be read this much later at the most."""

MOST_RECENT = 400
"""Events that a position names beside the time up to which it has all."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class EventTopic(StrEnum):
    """What an event is about; a webhook endpoint names those that it wants."""

    MESSAGE = "message"
    STATUS = "status"
    CONVERSATION = "conversation"
    CUSTOMER = "customer"
    CHANNEL = "channel"
    NOTIFICATION = "notification"
    CAMPAIGN = "campaign"
    CSAT = "csat"


class EndpointFilter(BaseModel):
    """Which events a webhook endpoint gets; without `instance_ids` those of every channel.

    Of an endpoint that is paused deliveries are noted until `noted_until`, for when it goes on.
    """

    id: str
    topics: list[EventTopic]
    instance_ids: list[str] = Field(default_factory=list)
    noted_until: datetime | None = None

    def wants(self, event: LoggedEvent) -> bool:
        is_on_time = self.noted_until is None or event.at <= self.noted_until
        return is_on_time and self.matches(event)

    def matches(self, event: LoggedEvent) -> bool:
        """Whether the event is one of those that the endpoint is for, whenever it happened."""
        is_of_channel = not self.instance_ids or event.room in self.instance_ids
        return event.topic is not None and event.topic in self.topics and is_of_channel


class EventStream(BaseModel):
    """That a tenant's events are kept, since when, and until when at least: somebody has followed them.

    While there are `endpoints` they are kept anyway.
    """

    tenant_id: str
    kept_since: datetime
    kept_until: datetime
    endpoints: list[EndpointFilter] = Field(default_factory=list)

    def is_kept(self, now: datetime) -> bool:
        return bool(self.endpoints) or self.kept_until > now


class LoggedEvent(BaseModel):
    """A realtime event that is kept; `event` is its JSON.

    `topic` is None for what webhook endpoints are not told, such as a notification for one person. `subject` is what
    it happened to, a conversation mostly: the events of one subject are told in their order. `room` is the event's.
    """

    id: str
    tenant_id: str
    at: datetime
    event: str
    name: str = ""
    topic: EventTopic | None = None
    subject: str = ""
    room: str = ""
    expires_at: datetime

    @property
    def key(self) -> str:
        """Tells it from the few events that happen at nearly the same time."""
        return self.id[:10]


@dataclass(frozen=True, slots=True)
class Position:
    """How far somebody has come: past all events before `settled_at`, and past those since whose keys are `recent`.

    Writers are not in step, so an event may appear in front of others that were read before; one time alone
    would lose it. `as_of` is when the position was taken.
    """

    as_of: datetime
    settled_at: datetime
    recent: frozenset[str] = field(default_factory=frozenset)

    def covers(self, event: LoggedEvent) -> bool:
        return event.at < self.settled_at or event.key in self.recent

    def past(self, event: LoggedEvent, events: Sequence[LoggedEvent], now: datetime) -> Position:
        """The position after one event more; `events` are those since `settled_at`, in their order."""
        return replace(self, recent=self.recent | {event.key}).settled(events, event.at, now)

    def settled(self, events: Sequence[LoggedEvent], until: datetime, now: datetime) -> Position:
        """The same, named shorter, where all `events` until a time are covered."""
        covered = [event for event in events if self.covers(event)]
        settled_at = max(self.settled_at, min(until, now - SETTLES_WITHIN))
        if len(covered) > MOST_RECENT:
            settled_at = max(settled_at, covered[-MOST_RECENT].at)
        return Position(now, settled_at, frozenset(event.key for event in covered if event.at >= settled_at))

    def to_cursor(self) -> str:
        times = [(moment - _EPOCH) // _MICROSECOND for moment in (self.as_of, self.settled_at)]
        raw = json.dumps([*times, *sorted(self.recent)], separators=(",", ":"))
        return base64.urlsafe_b64encode(raw.encode()).rstrip(b"=").decode()

    @classmethod
    def from_cursor(cls, cursor: str) -> Position | None:
        """The position that a cursor stands for; None for any other text."""
        try:
            raw = json.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
            as_of, settled_at, *recent = raw
            times = [_EPOCH + int(number) * _MICROSECOND for number in (as_of, settled_at)]
        except (ValueError, TypeError, OverflowError, RecursionError):
            return None
        is_ours = len(recent) <= 2 * MOST_RECENT and all(isinstance(each, str) for each in recent)
        return cls(times[0], times[1], frozenset(recent)) if is_ours else None
