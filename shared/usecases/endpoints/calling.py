"""One call of a webhook endpoint: what is sent, and what came of it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

from shared.deps import Deps
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.events import RealtimeEvent
from shared.domain.webhook_endpoints import MOST_SHOWN, Attempt, WebhookDelivery, WebhookEndpoint
from shared.errors import BadRequest, OutcomeUnknown, ProviderUnavailable
from shared.outgoing import Answer
from shared.security.webhook_signing import signed_headers
from shared.usecases import realtime
from shared.usecases.endpoints import endpoints

TIMEOUT = 10.0
"""Seconds from connecting to the last byte of the answer."""

GONE = 410
_SERVES_NOBODY = frozenset({502, 503, 504})
_CONTENT_TYPE = {"content-type": "application/json"}

PayloadOf: TypeAlias = Callable[[RealtimeEvent], Mapping[str, Any]]
"""Gives an event's payload for clients; raises `KeyError` or `ValueError` for one that has none."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a call. `is_unreachable` says that nobody is there, whatever is sent.

    `retry_after` are the seconds that the answer asks for.
    """

    attempt: Attempt
    answer: str | None
    is_unreachable: bool
    retry_after: float = 0.0

    @property
    def is_success(self) -> bool:
        return self.attempt.status is not None and 200 <= self.attempt.status < 300

    @property
    def is_gone(self) -> bool:
        return self.attempt.status == GONE


def body_of(type_: str, at: datetime, data: Mapping[str, Any]) -> str:
    """A call's body, as Standard Webhooks recommends it."""
    body = {"type": type_, "timestamp": at.isoformat(), "data": data}
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))


def body_of_event(deps: Deps, delivery: WebhookDelivery, payload_of: PayloadOf) -> str | None:
    """The body that tells the delivery's event; None where the event is not kept any more, or has no form."""
    logged = UnitOfWork(deps.store).event_log.owned_or_none(delivery.tenant_id, delivery.event_id)
    if logged is None:
        return None
    event = realtime.completed(deps, RealtimeEvent.model_validate_json(logged.event))
    try:
        return body_of(event.name, logged.at, payload_of(event))
    except (KeyError, ValueError):
        return None


def call(deps: Deps, endpoint: WebhookEndpoint, event_id: str, body: str) -> Outcome:
    """Call the endpoint once."""
    began, now = time.monotonic(), deps.now()
    answer: Answer | None = None
    error: str | None = None
    is_unreachable = False
    try:
        headers = signed_headers(endpoints.signing_secrets(deps, endpoint), event_id, body, now)
        answer = deps.http.request(
            "POST",
            endpoint.url,
            provider="webhook",
            json=body.encode(),
            headers=_CONTENT_TYPE | headers,
            timeout=TIMEOUT,
        )
    except ProviderUnavailable as failure:
        error, is_unreachable = failure.detail, True
    except (OutcomeUnknown, BadRequest) as failure:
        error = failure.detail
    milliseconds = int((time.monotonic() - began) * 1000)
    if answer is None:
        return Outcome(Attempt(at=now, error=error, milliseconds=milliseconds), None, is_unreachable)
    return Outcome(
        Attempt(at=now, status=answer.status, milliseconds=milliseconds),
        answer.text[:MOST_SHOWN],
        answer.status in _SERVES_NOBODY,
        answer.retry_after or 0.0,
    )
