"""Webhooks out: the addresses of a tenant's own systems that are told what happens, and what became of telling them."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from pydantic import BaseModel, Field

from shared.domain.event_log import EventTopic

PAUSES = tuple(timedelta(seconds=seconds) for seconds in (5, 30, 120, 600, 1800, 3600, 7200, 14_400, 21_600, 36_000))
"""Between the attempts to deliver an event: together they last some 24 hours."""

GIVEN_UP_AFTER = timedelta(hours=23)
"""How long an endpoint takes nothing at all before it is paused; the last attempts for an event lie later."""

UNREACHABLE_PAUSES = (*PAUSES[:3], timedelta(minutes=5))
"""Between the calls to an endpoint that nobody reaches: the first call that reaches it has all the others made."""

MOST_ATTEMPTS_KEPT = 20
MOST_SHOWN = 2_000
"""Characters of an answer that are kept."""

SECRET_OVERLAP = timedelta(hours=24)
"""How long the former secret signs beside the new one."""


class EndpointState(StrEnum):
    """PAUSED_BY_HUB is one that took nothing for a long time, or said that it is gone."""

    ACTIVE = "active"
    PAUSED = "paused"
    PAUSED_BY_HUB = "paused_by_hub"


class WebhookEndpoint(BaseModel):
    """An address that is told what happens. `instance_id` is the channel whose `webhook_url` it is, if it is one.

    `secret_name` names the sealed secret that signs, `former_secret_name` the one that signs beside it until
    `former_until`. `failing_since` is when the first call failed that no success has followed. While nobody reaches it,
    it is called at `retry_at` and not before, and `failures` counts such calls.
    `due_at` is when the sweep has all of its lanes looked at.
    """

    id: str
    tenant_id: str
    url: str
    description: str = ""
    topics: list[EventTopic]
    instance_ids: list[str] = Field(default_factory=list)
    instance_id: str | None = None
    state: EndpointState = EndpointState.ACTIVE
    state_reason: str | None = None
    paused_at: datetime | None = None
    secret_name: str
    former_secret_name: str | None = None
    former_until: datetime | None = None
    failing_since: datetime | None = None
    failures: int = 0
    retry_at: datetime | None = None
    due_at: datetime | None = None
    created_at: datetime
    updated_at: datetime

    def reached(self) -> None:
        """It took something."""
        self.failing_since = self.retry_at = None
        self.failures = 0

    def unreachable(self, now: datetime) -> datetime:
        """Nobody reaches it: returns when it is called again, for which all deliveries wait."""
        self.retry_at = now + UNREACHABLE_PAUSES[min(self.failures, len(UNREACHABLE_PAUSES) - 1)]
        self.failures += 1
        return self.retry_at


class DeliveryStatus(StrEnum):
    PENDING = "pending"
    FAILED = "failed"
    DELIVERED = "delivered"
    DEAD = "dead"


class Attempt(BaseModel):
    """One call: what was answered, or else the error, and how long it took."""

    at: datetime
    status: int | None = None
    error: str | None = None
    milliseconds: int


class WebhookDelivery(BaseModel):
    """An event on its way to an endpoint. It is `open` until it was delivered or given up.

    `event_id` is what the endpoint gets as `webhook-id`, however often. Deliveries of one `lane` are made one after the
    other, in the order of `at`. `subject` is the event's: what it happened to. `due_at` is when the sweep looks at it;
    `next_retry_at` is when it is tried again.
    `refusals` are the attempts that reached the endpoint.
    `body` is what was sent, and is sent again; None before the first attempt. `answer` is the beginning of the last
    answer's body.
    """

    id: str
    tenant_id: str
    endpoint_id: str
    event_id: str
    type: str
    topic: EventTopic | None = None
    lane: str
    subject: str = ""
    at: datetime
    open: bool = True
    status: DeliveryStatus = DeliveryStatus.PENDING
    attempts: int = 0
    refusals: int = 0
    due_at: datetime | None = None
    next_retry_at: datetime | None = None
    url: str | None = None
    body: str | None = None
    answer: str | None = None
    answer_status: int | None = None
    error: str | None = None
    history: list[Attempt] = Field(default_factory=list)
    created_at: datetime
    updated_at: datetime
    expires_at: datetime

    def note(self, attempt: Attempt, answer: str | None) -> None:
        """Write down a call."""
        self.attempts += 1
        self.history = [*self.history, attempt][-MOST_ATTEMPTS_KEPT:]
        self.answer, self.answer_status, self.error = answer, attempt.status, attempt.error
        self.updated_at = attempt.at

    def end(self, status: DeliveryStatus) -> None:
        self.status, self.open = status, False
        self.due_at = self.next_retry_at = None
