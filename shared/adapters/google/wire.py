"""Events as Pub/Sub messages: data and attributes. Nothing here imports Google's libraries."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from pydantic import ValidationError

from shared.domain.events import EVENTS, Event, Topic
from shared.errors import HubError, PayloadInvalid
from shared.ports.bus import DeadLetter

REASON: Final = "reason"
DIED_AT: Final = "died_at"
NOT_BEFORE: Final = "not_before"
_MAX_ATTRIBUTE_BYTES: Final = 1024  # https://cloud.google.com/pubsub/quotas


def attributes_of(event: Event, delay: float = 0.0) -> dict[str, str]:
    """What a message carries beside the event: filter attributes, the trace, and when it may be handed out."""
    attributes = event.attributes()
    if event.traceparent:
        attributes["traceparent"] = event.traceparent
    if delay > 0:
        attributes[NOT_BEFORE] = (datetime.now(UTC) + timedelta(seconds=delay)).isoformat()
    return attributes


def decode(topic: Topic, data: bytes, attempt: int = 1) -> Event:
    """The event in a message; raises `PayloadInvalid` for one that is none of this topic's."""
    try:
        event = EVENTS[topic].model_validate_json(data)
    except ValidationError as error:
        raise PayloadInvalid(f"not an event of topic {topic}") from error
    return event.model_copy(update={"attempt": attempt})


def remaining_delay(attributes: Mapping[str, str], now: datetime) -> float:
    """Seconds until a message may be handed out; 0 when it may be now."""
    not_before = _time(attributes.get(NOT_BEFORE))
    return max(0.0, (not_before - now).total_seconds()) if not_before else 0.0


def failure_attributes(error: Exception) -> dict[str, str]:
    """The attributes that a dead letter has more; only the hub's own errors are known to name no secret."""
    name = type(error).__name__
    reason = f"{name}: {error.detail}" if isinstance(error, HubError) else name
    shortened = reason.encode()[:_MAX_ATTRIBUTE_BYTES].decode(errors="ignore")
    return {REASON: shortened, DIED_AT: datetime.now(UTC).isoformat()}


def dead_letter(topic: Topic, data: bytes, attributes: Mapping[str, str], published_at: datetime) -> DeadLetter:
    """A dead letter from its message, ours or one of Pub/Sub's own making; raises `PayloadInvalid`.

    Its id is the event's, which stays the same when the event dies in two messages.
    """
    event = decode(topic, data)
    return DeadLetter(
        id=event.id,
        topic=topic,
        event=event,
        reason=attributes.get(REASON, "Pub/Sub's delivery attempts were used up"),
        died_at=_time(attributes.get(DIED_AT)) or published_at,
    )


def without_failure_attributes(attributes: Mapping[str, str]) -> dict[str, str]:
    """The attributes with which a dead letter goes back to its topic."""
    # Pub/Sub's own dead lettering adds attributes with this prefix and refuses them from publishers.
    return {
        name: value
        for name, value in attributes.items()
        if name not in (REASON, DIED_AT) and not name.startswith(("CloudPubSub", "googclient_"))
    }


def _time(text: str | None) -> datetime | None:
    """Attributes may have been written by hand; what is no aware time counts as absent."""
    try:
        moment = datetime.fromisoformat(text) if text else None
    except ValueError:
        return None
    return moment if moment and moment.tzinfo else None
