"""What messages are and what becomes of them: the words alone, which also who starts without any model may use."""

from __future__ import annotations

from enum import StrEnum


class MessageKind(StrEnum):
    """What a message mainly is. `UNSUPPORTED` keeps a place for what the hub cannot show."""

    TEXT = "text"
    IMAGE = "image"
    AUDIO = "audio"
    VIDEO = "video"
    DOCUMENT = "document"
    STICKER = "sticker"
    LOCATION = "location"
    CONTACT = "contact"
    POLL = "poll"
    INTERACTIVE = "interactive"
    REACTION = "reaction"
    UNSUPPORTED = "unsupported"


class MessageStatus(StrEnum):
    """A message's fate. Inbound messages are `RECEIVED`; `FAILED` will be tried again, `DEAD` will not."""

    RECEIVED = "received"
    PENDING = "pending"
    SENDING = "sending"
    SENT = "sent"
    DELIVERED = "delivered"
    READ = "read"
    FAILED = "failed"
    DEAD = "dead"


class Consent(StrEnum):
    """What a customer's message changes: they want no automatic messages any more, or want them again."""

    OPT_OUT = "opt_out"
    OPT_IN = "opt_in"


class TemplateStatus(StrEnum):
    """Where a template stands at its provider; only an approved one can be sent."""

    APPROVED = "approved"
    PENDING = "pending"
    REJECTED = "rejected"
    PAUSED = "paused"
    DISABLED = "disabled"
    DELETED = "deleted"
    UNKNOWN = "unknown"
