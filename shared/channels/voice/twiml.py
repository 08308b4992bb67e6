"""From the list of steps to TwiML: pure functions, no look-ups.

https://www.twilio.com/docs/voice/twiml
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from shared.channels.voice.actions import Action, Agent, Dial, Gather, Greet, Hangup, Voicemail
from shared.channels.voice.config import VoiceConfig

PAUSE = 3
"""Seconds of silence between two looks whether the answer has come."""

_LISTEN = {"speech": "speech", "keys": "dtmf", "both": "speech dtmf"}
# XML 1.0 has no way to write the other control characters, half a surrogate pair, or these two.
_UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


@dataclass(frozen=True, slots=True)
class Script:
    """How to speak on one call: its steps, our address, whose call it is, and a `turn` that makes addresses new."""

    config: VoiceConfig
    address: str
    chat: str
    turn: str

    def to(self, path: str, step: int, **more: str) -> str:
        query = urlencode({"step": str(step), "chat": self.chat, "turn": self.turn, **more})
        return f"{self.address}/{path}?{query}"


def from_step(script: Script, first: int) -> str:
    """The steps from one on, up to the first from which Twilio asks us how to go on."""
    return document(_steps(script, first))


def speech(script: Script, text: str, gather: int | None) -> str:
    """Something said in the middle of a call, after which the caller is listened to again."""
    after = _steps(script, gather, ask=False) if gather is not None else ""
    return document(say(script, text) + after)


def waiting(script: Script, step: int, action: Agent, round_: int) -> str:
    """Silence while the answer is made; when it is over Twilio asks again, a bounded number of times."""
    first = say(script, action.text) if round_ == 1 and action.text else ""
    again = script.to("hold", step, round=str(round_ + 1))
    return document(
        first + element("Pause", {"length": str(PAUSE)}) + element("Redirect", {"method": "POST"}, _text(again))
    )


def goodbye(script: Script, text: str = "") -> str:
    """A last word, and the end of the call."""
    return document((say(script, text) if text else "") + element("Hangup"))


def _steps(script: Script, first: int, *, ask: bool = True) -> str:
    written = []
    for number, action in enumerate(script.config.actions[first:], first):
        written.append(_step(script, number, action, ask=ask or number != first))
        if isinstance(action, Dial | Hangup):
            break
    return "".join(written)


def _step(script: Script, number: int, action: Action, *, ask: bool) -> str:
    match action:
        case Greet():
            return say(script, action.text)
        case Gather():
            return _gather(script, number, action, ask=ask)
        case Agent():
            return ""  # Nothing was said that could be answered.
        case Dial():
            dialled = element("Number", content=_text(action.number))
            attributes = {"action": script.to("dialed", number), "timeout": str(action.seconds)}
            return element("Dial", attributes, dialled)
        case Voicemail():
            return say(script, action.text) + _record(script, number, action)
        case Hangup():
            return (say(script, action.text) if action.text else "") + element("Hangup")


def _gather(script: Script, number: int, action: Gather, *, ask: bool) -> str:
    choices = {"choices": ",".join(action.choices)} if action.choices else {}
    attributes = {
        "input": _LISTEN[action.listen],
        "action": script.to("gather", number, **choices),
        "method": "POST",
        "timeout": str(action.seconds),
        "speechTimeout": "auto" if action.listen != "keys" else None,
        "numDigits": str(action.keys) if action.keys else None,
        "language": script.config.language,
    }
    return element("Gather", attributes, say(script, action.text) if ask and action.text else "")


def _record(script: Script, number: int, action: Voicemail) -> str:
    attributes = {
        "action": script.to("recorded", number),
        "method": "POST",
        "maxLength": str(action.seconds),
        "playBeep": "true",
        "recordingStatusCallback": script.to("recording", number),
        "transcribe": "true" if action.transcribe else None,
        "transcribeCallback": script.to("transcription", number) if action.transcribe else None,
    }
    return element("Record", attributes)


def say(script: Script, text: str) -> str:
    return element("Say", {"voice": script.config.voice, "language": script.config.language}, _text(text))


def document(content: str) -> str:
    return f'<?xml version="1.0" encoding="UTF-8"?><Response>{content}</Response>'


def element(name: str, attributes: Mapping[str, str | None] | None = None, content: str = "") -> str:
    """One element; `content` is XML already, attributes are text and left out when None."""
    written = "".join(f' {key}="{_text(value)}"' for key, value in (attributes or {}).items() if value is not None)
    return f"<{name}{written}>{content}</{name}>" if content else f"<{name}{written}/>"


def _text(text: str) -> str:
    return html.escape(_UNWRITABLE.sub(" ", text))
