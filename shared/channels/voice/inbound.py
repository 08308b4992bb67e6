"""Twilio's voice webhooks into the normal form.

https://www.twilio.com/docs/voice/twiml#request-parameters and
https://www.twilio.com/docs/voice/api/call-resource#statuscallback
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from shared.channelkit.twilio_webhooks import minutes_and_seconds, received, texts, whole_seconds
from shared.channels.voice.webhook import chat_of
from shared.domain.calls import CallState
from shared.domain.inbound import CallChanged, ChannelEvent, MessageEdited, MessageReceived, Receipt, Sender
from shared.domain.messages import Attachment, MessageKind, MessageStatus
from shared.errors import PayloadInvalid

_log = logging.getLogger(__name__)

_STATES = {
    "queued": CallState.RINGING,
    "initiated": CallState.RINGING,
    "ringing": CallState.RINGING,
    "in-progress": CallState.LIVE,
    "answered": CallState.LIVE,
    "completed": CallState.ENDED,
    "busy": CallState.ENDED,
    "no-answer": CallState.ENDED,
    "failed": CallState.ENDED,
    "canceled": CallState.ENDED,
}
_NOTES = {
    "busy": "The line was busy",
    "no-answer": "Nobody answered the call",
    "failed": "The call could not be connected",
    "canceled": "The call was cancelled",
}


def parse(payload: Any) -> list[ChannelEvent]:
    """Which callback it is shows in its fields, which no two kinds share."""
    params = texts(payload)
    sid = params.get("CallSid", "")
    if not sid or len(sid) > 64:
        raise PayloadInvalid("twilio: CallSid is missing")
    if "TranscriptionStatus" in params or "TranscriptionSid" in params:
        return _transcribed(params)
    if "RecordingStatus" in params:
        return _recorded(sid, params)
    if "DialCallStatus" in params:
        return _dialled(sid, params)
    if "RecordingSid" in params:
        return []  # The recording's own callback tells when it can be fetched.
    if "SpeechResult" in params or "Digits" in params:
        return _caller_input(sid, params)
    return _changed(sid, params)


def _changed(sid: str, params: Mapping[str, str]) -> list[ChannelEvent]:
    """A call came in, or stands otherwise than before."""
    word = params.get("CallStatus", "")
    state = _STATES.get(word)
    if state is None:
        _log.warning("twilio call status of unknown kind", extra={"status": word[:64]})
        return []
    events: list[ChannelEvent] = []
    inbound = params.get("Direction", "inbound") == "inbound"
    if inbound and state is not CallState.ENDED:
        events.append(_call_note(sid, params))
    if not inbound and (receipt := _receipt(sid, word, state)):
        events.append(receipt)
    seconds = whole_seconds(params.get("CallDuration")) if state is CallState.ENDED else None
    events.append(
        CallChanged(
            external_call_id=sid,
            chat_key=chat_of(params),
            state=state,
            at=received(params),
            seconds=seconds,
            outcome=word if state is CallState.ENDED else None,
            note=_NOTES.get(word)
            or (f"The call ended after {minutes_and_seconds(seconds)}" if seconds is not None else None),
        )
    )
    return events


def _note_after(seconds: float | None) -> str | None:
    return None if seconds is None else f"The call ended after {minutes_and_seconds(seconds)}"


def _call_note(sid: str, params: Mapping[str, str]) -> MessageReceived:
    return MessageReceived(
        external_message_id=f"{sid}:call",
        external_conversation_id=chat_of(params),
        chat_key=chat_of(params),
        sender=_sender(params),
        kind=MessageKind.TEXT,
        text="The customer calls",
        sent_at=received(params),
        is_note=True,
        context={"call_sid": sid, "step": ""},
    )


def _sender(params: Mapping[str, str]) -> Sender:
    chat = chat_of(params)
    has_number = chat.startswith("+")
    return Sender(
        external_user_id=chat,
        keys=(chat,),
        name=params.get("CallerName") or (None if has_number else "Anonymous caller"),
        phone=chat if has_number else None,
    )


def _receipt(sid: str, word: str, state: CallState) -> Receipt | None:
    """A message that made us call has been heard when the customer took the call."""
    if word in _NOTES:
        return Receipt(external_message_id=sid, status=MessageStatus.DEAD, error=word)
    if state is CallState.RINGING:
        return None
    return Receipt(external_message_id=sid, status=MessageStatus.DELIVERED)


def _caller_input(sid: str, params: Mapping[str, str]) -> list[ChannelEvent]:
    """What the caller said or pressed; a key that only chose a step is noted."""
    speech, keys = params.get("SpeechResult", "").strip(), params.get("Digits", "").strip()
    step, turn = params.get("step", "")[:8], params.get("turn", "")[:64]
    chosen = bool(keys) and keys in params.get("choices", "").split(",")
    if not (speech or keys):
        return []
    confidence = params.get("Confidence")
    return [
        MessageReceived(
            external_message_id=f"{sid}:{step}:{turn}",
            external_conversation_id=chat_of(params),
            chat_key=chat_of(params),
            sender=_sender(params),
            kind=MessageKind.TEXT,
            text=f"Pressed {keys}" if chosen else speech or keys,
            sent_at=received(params),
            is_note=chosen,
            extra={"confidence": confidence} if confidence and speech else {},
            context={"call_sid": sid, "step": step},
        )
    ]


def _dialled(sid: str, params: Mapping[str, str]) -> list[ChannelEvent]:
    word = params["DialCallStatus"]
    seconds = whole_seconds(params.get("DialCallDuration"))
    spoke = word in ("completed", "answered")
    note = (
        f"Put through to a colleague for {minutes_and_seconds(seconds or 0)}"
        if spoke
        else f"Nobody could be put through ({word[:32]})"
    )
    key = f"dial:{params.get('step', '')[:8]}:{params.get('turn', '')[:64]}"
    live = CallChanged(
        external_call_id=sid,
        chat_key=chat_of(params),
        state=CallState.LIVE,
        at=received(params),
        note=note,
        note_key=key,
    )
    return [live]


def _recorded(sid: str, params: Mapping[str, str]) -> list[ChannelEvent]:
    """A voicemail can be fetched now. Its words may have come already: they wait for it as an edit."""
    recording = params.get("RecordingSid", "")
    if params["RecordingStatus"] != "completed" or not recording:
        return []
    seconds = whole_seconds(params.get("RecordingDuration"))
    attachment = Attachment(
        type=MessageKind.AUDIO,
        mime_type="audio/mpeg",
        file_name="voicemail.mp3",
        extra={"recording_sid": recording[:64], "seconds": seconds},
    )
    return [
        MessageReceived(
            external_message_id=recording[:64],
            external_conversation_id=chat_of(params),
            chat_key=chat_of(params),
            sender=_sender(params),
            kind=MessageKind.AUDIO,
            text=None,
            attachments=(attachment,),
            sent_at=received(params),
            for_people=True,
            extra={"voicemail": True, "call_sid": sid},
        )
    ]


def _transcribed(params: Mapping[str, str]) -> list[ChannelEvent]:
    text, recording = params.get("TranscriptionText", "").strip(), params.get("RecordingSid", "")
    if params.get("TranscriptionStatus") != "completed" or not text or not recording:
        return []
    return [MessageEdited(external_message_id=recording[:64], text=text, edited_at=received(params))]
