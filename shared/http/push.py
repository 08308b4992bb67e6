"""Receiving Pub/Sub pushes: an envelope, plain or as a CloudEvent, becomes one of our events."""

from __future__ import annotations

import base64
import binascii
import json
import logging
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

from pydantic import ValidationError
from werkzeug.wrappers import Request, Response

from shared.deps import Deps
from shared.domain.events import EVENTS, Event, Topic
from shared.errors import BadRequest, HubError
from shared.http.errors import answered
from shared.http.health import report
from shared.http.process import process, process_deps
from shared.logs import tracing

log = logging.getLogger(__name__)
E = TypeVar("E", bound=Event)

# A push that waits takes a place from one that could be worked on, so what is due later is refused and comes again.
_LONGEST_WAIT = 10.0


def push_handler(topic: Topic, consume: Callable[[Deps, Any], None]) -> Callable[[Request], Response]:
    """The function target of a topic's consumer.

    204 acknowledges. Anything else has Pub/Sub deliver again: 503 when the event
    is not due yet or the consumer raised. An envelope that is none is 400, a
    caller who is not Google's 401 or 403.
    """

    def handler(request: Request) -> Response:
        return report(process_deps(), request.path) or refusal(request) or _take(request)

    def _take(request: Request) -> Response:
        try:
            event, due = decode(topic, request.get_data(cache=False))
        except BadRequest as error:
            log.error("a push was not an event", extra={"topic": topic.value, "why": error.detail})
            return Response(error.detail, 400)
        with tracing(event.request_id, event.traceparent, kind="consumer", span=topic.value):
            return answered(lambda: _consume(consume, event, due))

    return handler


def refusal(request: Request) -> Response | None:
    """The response to a caller that cannot prove to be Google; None when the request may go on."""
    try:
        process().callers.check(request.headers.get("Authorization", ""))
    except HubError as error:
        log.warning("a call was refused", extra={"path": request.path, "why": error.detail})
        return Response(error.code, 503 if error.status >= 500 else error.status)
    return None


def _consume(consume: Callable[[Deps, Any], None], event: Event, due: float) -> Response:
    if due > _LONGEST_WAIT:
        return Response("not due yet", 503)
    if due > 0:
        time.sleep(due)
    try:
        consume(process_deps(), event)
    except HubError as error:
        log.warning("an event will come again", extra={"event_id": event.id, "why": error.detail})
        return Response(error.code, 503)
    return Response(status=204)


def decode(topic: Topic, body: bytes) -> tuple[Event, float]:
    """An event from a push body, and in how many seconds it is due; raises `BadRequest`."""
    try:
        envelope = json.loads(body)
        if "message" not in envelope and "data" in envelope:
            envelope = envelope["data"]
        message: Mapping[str, Any] = envelope["message"]
        event = EVENTS[topic].model_validate_json(base64.b64decode(message["data"], validate=True))
        attempt = int(envelope.get("deliveryAttempt") or 1)
        due = _seconds_until((message.get("attributes") or {}).get("not_before"))
    except (ValueError, KeyError, TypeError, AttributeError, ValidationError, binascii.Error) as error:
        raise BadRequest(f"the body is not a Pub/Sub push envelope: {type(error).__name__}") from error
    return event.model_copy(update={"attempt": attempt}), due


def _seconds_until(not_before: str | None) -> float:
    if not not_before:
        return 0.0
    return max(0.0, (datetime.fromisoformat(not_before) - datetime.now(UTC)).total_seconds())
