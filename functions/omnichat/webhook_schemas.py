"""OmniChat's forms of webhooks out."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, Field, StringConstraints

from functions.omnichat.schemas import Request, Wire
from shared.domain.event_log import EventTopic
from shared.domain.webhook_endpoints import Attempt, DeliveryStatus, EndpointState, WebhookDelivery, WebhookEndpoint
from shared.http.times import AwareMoment, Milliseconds
from shared.usecases.endpoints.endpoints import WithSecret

_URL = "https://your-app.example.com/hub-events"
_NAME = "Our shop's back end"

Url = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=2048),
    Field(description="Where the hub posts to.", examples=[_URL]),
]
Description = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200), Field(examples=[_NAME])]
Topics = Annotated[
    list[EventTopic],
    Field(
        min_length=1,
        max_length=len(EventTopic),
        description="What it is told of: `message` (came or changed), `status` (sent, delivered, read, failed), "
        "`conversation`, `customer`, `channel`, `notification`, `campaign`, `csat`.",
        examples=[["message", "status"]],
    ),
]
ChannelIds = Annotated[
    list[Annotated[str, Field(max_length=64)]],
    Field(max_length=100, description="Only what happens on these channels; empty: on every channel.", examples=[[]]),
]


class WebhookIn(Request, Wire):
    url: Url
    topics: Topics
    description: Description = ""
    channel_ids: ChannelIds = Field(default_factory=list)

    def fields(self) -> dict[str, Any]:
        return _renamed(self.model_dump())


class WebhookChange(Request, Wire):
    """What to change; what is left out stays. With `active` it pauses, or goes on and gets what it has missed."""

    url: Url | None = None
    topics: Topics | None = None
    description: Description | None = None
    channel_ids: ChannelIds | None = None
    active: bool | None = None

    def fields(self) -> dict[str, Any]:
        fields = _renamed(self.model_dump(exclude_unset=True))
        return {("is_active" if name == "active" else name): value for name, value in fields.items()}


def _renamed(fields: dict[str, Any]) -> dict[str, Any]:
    return {("instance_ids" if name == "channel_ids" else name): value for name, value in fields.items()}


class WebhookPath(BaseModel):
    id: str = Field(max_length=64)


class DeliveryPath(WebhookPath):
    delivery_id: str = Field(max_length=64)


class WebhooksQuery(Wire):
    limit: int = Field(default=50, ge=1, le=100)
    cursor: str | None = Field(default=None, max_length=2048)


class DeliveriesQuery(WebhooksQuery):
    status: DeliveryStatus | None = None


class ReplayIn(Request, Wire):
    """From when to when, at most seven days ago; `cursor` is the `nextCursor` of the step before."""

    since: AwareMoment
    until: AwareMoment
    cursor: str | None = Field(default=None, max_length=2048)


class ReplayOut(Wire):
    """`replayed` events are on their way again. With a `nextCursor` there are more: call again with it."""

    replayed: int
    next_cursor: str | None


class WebhookOut(Wire):
    """`channelId`: it is that channel's `webhook_url`. `formerSecretUntil`: till when the former secret signs, too."""

    id: str
    url: str = Field(examples=[_URL])
    description: str = Field(examples=[_NAME])
    topics: list[EventTopic]
    channel_ids: list[str]
    channel_id: str | None
    status: EndpointState
    status_reason: str | None = Field(examples=["it answered 410, which says that it is gone for good"])
    failing_since: Milliseconds | None
    former_secret_until: Milliseconds | None
    created_at: Milliseconds
    updated_at: Milliseconds

    @classmethod
    def of(cls, endpoint: WebhookEndpoint) -> WebhookOut:
        return cls(**_about(endpoint))


def _about(endpoint: WebhookEndpoint) -> dict[str, Any]:
    same = {"id", "url", "description", "topics", "failing_since", "created_at", "updated_at"}
    return endpoint.model_dump(include=same) | {
        "channel_ids": endpoint.instance_ids,
        "channel_id": endpoint.instance_id,
        "status": endpoint.state,
        "status_reason": endpoint.state_reason,
        "former_secret_until": endpoint.former_until,
    }


class WebhookWithSecretOut(WebhookOut):
    """`secret` signs the calls (https://www.standardwebhooks.com); it is shown this once."""

    secret: str = Field(examples=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"])

    @classmethod
    def with_secret(cls, created: WithSecret) -> WebhookWithSecretOut:
        return cls(**_about(created.endpoint), secret=created.secret)


class WebhooksOut(Wire):
    """The oldest first."""

    webhooks: list[WebhookOut]
    next_cursor: str | None


class AttemptOut(Wire):
    """One call: the HTTP status that came back, or else what went wrong."""

    at: Milliseconds
    status: int | None
    error: str | None = Field(examples=["no connection"])
    milliseconds: int

    @classmethod
    def of(cls, attempt: Attempt) -> AttemptOut:
        return cls(**attempt.model_dump())


class DeliveryOut(Wire):
    """An event on its way to a webhook. `eventId` is what it gets as `webhook-id`, however often it is sent."""

    id: str
    event_id: str
    type: str = Field(examples=["message-created"])
    topic: EventTopic | None
    status: DeliveryStatus
    attempts: int
    answer_status: int | None
    error: str | None = Field(examples=["no connection"])
    next_attempt_at: Milliseconds | None
    happened_at: Milliseconds
    created_at: Milliseconds
    updated_at: Milliseconds

    @classmethod
    def of(cls, delivery: WebhookDelivery) -> DeliveryOut:
        return cls(**_about_delivery(delivery))


def _about_delivery(delivery: WebhookDelivery) -> dict[str, Any]:
    same = {"id", "event_id", "type", "topic", "status", "attempts", "answer_status", "error"}
    times: dict[str, datetime | None] = {
        "next_attempt_at": delivery.next_retry_at,
        "happened_at": delivery.at,
        "created_at": delivery.created_at,
        "updated_at": delivery.updated_at,
    }
    return delivery.model_dump(include=same) | times


class DeliveryDetailOut(DeliveryOut):
    """With what was sent and what was answered: the beginning of it. Nothing was sent before the first attempt."""

    url: str | None = Field(examples=[_URL])
    body: str | None = Field(examples=['{"type":"message-created","timestamp":"2026-01-01T00:00:00+00:00","data":{}}'])
    answer: str | None = Field(examples=["thank you"])
    history: list[AttemptOut]

    @classmethod
    def of(cls, delivery: WebhookDelivery) -> DeliveryDetailOut:
        return cls(
            **_about_delivery(delivery),
            url=delivery.url,
            body=delivery.body,
            answer=delivery.answer,
            history=[AttemptOut.of(attempt) for attempt in delivery.history],
        )


class DeliveriesOut(Wire):
    """The newest first."""

    deliveries: list[DeliveryOut]
    next_cursor: str | None
