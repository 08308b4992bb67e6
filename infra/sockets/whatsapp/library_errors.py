"""What the errors of neonize mean, which has one class for all."""

from __future__ import annotations

from typing import Literal

_NOT_SENT = ("websocket not connected", "not logged in", "failed to get device list", "failed to encrypt")
_REFUSED = ("server returned error", "no lid found", "unknown server", "recipient must")
"""In whatsmeow's errors of `SendMessage`."""


def outcome(error: Exception) -> Literal["refused", "unavailable", "unknown"]:
    """What the library's words mean; with any others, as after its time-out, the message may have arrived."""
    text = str(error).lower()
    if any(sign in text for sign in _NOT_SENT):
        return "unavailable"
    return "refused" if any(sign in text for sign in _REFUSED) else "unknown"


def reason(error: Exception) -> str:
    """The error for a log and a person, in at most 300 characters."""
    return f"{type(error).__name__}: {error}"[:300]
