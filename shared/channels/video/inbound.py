"""What happens in rooms, into the normal form.

https://www.twilio.com/docs/video/api/status-callbacks
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from shared.channelkit.twilio_webhooks import minutes_and_seconds, received, texts, whole_seconds
from shared.domain.calls import CallState
from shared.domain.inbound import CallChanged, ChannelEvent
from shared.errors import PayloadInvalid

_log = logging.getLogger(__name__)

IGNORED = frozenset(
    {
        "room-created",  # Nobody is in it yet, and perhaps nobody will be.
        "track-added",
        "track-removed",
        "track-enabled",
        "track-disabled",
        "recording-started",
    }
)


def parse(payload: Any) -> list[ChannelEvent]:
    """A room in which somebody is, is a call; it ends with the room."""
    params = texts(payload)
    room, kind = params.get("RoomSid", ""), params.get("StatusCallbackEvent", "")
    if not room or len(room) > 64:
        raise PayloadInvalid("twilio: RoomSid is missing")
    match kind:
        case "participant-connected":
            return [_noted(params, f"{_participant(params)} joined", _participant_key(params))]
        case "participant-disconnected":
            return [
                _noted(
                    params,
                    f"{_participant(params)} left{_after(params)}",
                    f"{kind}:{params.get('ParticipantSid', '')[:64]}",
                )
            ]
        case "recording-completed":
            recording = params.get("RecordingSid", "")[:64]
            return [_noted(params, f"A recording is ready: {recording}", f"{kind}:{recording}")]
        case "recording-failed":
            recording = params.get("RecordingSid", "")[:64]
            return [_noted(params, f"A recording failed: {recording}", f"{kind}:{recording}")]
        case "room-ended":
            return [_ended(params)]
    if kind not in IGNORED:
        _log.warning("twilio room event of unknown kind ignored", extra={"event_kind": kind[:64]})
    return []


def _participant_key(params: Mapping[str, str]) -> str:
    return f"{params['StatusCallbackEvent']}:{params.get('ParticipantSid', '')[:64]}"


def _noted(params: Mapping[str, str], note: str, key: str) -> CallChanged:
    return CallChanged(
        external_call_id=params["RoomSid"],
        chat_key=params.get("chat", "")[:128],
        state=CallState.LIVE,
        at=_at(params),
        note=note,
        note_key=key,
        # A recording is often ready only after the room has gone.
        if_known=not params["StatusCallbackEvent"].startswith("participant"),
    )


def _ended(params: Mapping[str, str]) -> CallChanged:
    seconds = whole_seconds(params.get("RoomDuration"))
    return CallChanged(
        external_call_id=params["RoomSid"],
        chat_key=params.get("chat", "")[:128],
        state=CallState.ENDED,
        at=_at(params),
        seconds=seconds,
        outcome="completed",
        note="The video call ended" + (f" after {minutes_and_seconds(seconds)}" if seconds is not None else ""),
        if_known=True,
    )


def _participant(params: Mapping[str, str]) -> str:
    identity = params.get("ParticipantIdentity", "")[:128]
    return "The customer" if identity.startswith("customer") else identity or "Somebody"


def _after(params: Mapping[str, str]) -> str:
    seconds = whole_seconds(params.get("ParticipantDuration"))
    return f" after {minutes_and_seconds(seconds)}" if seconds is not None else ""


def _at(params: Mapping[str, str]) -> datetime:
    """Twilio's time of the event, if it is one, else when we heard of it."""
    try:
        at = datetime.fromisoformat(params.get("Timestamp", ""))
    except ValueError:
        return received(params)
    return at if at.tzinfo else received(params)
