"""From Amazon's two-way SMS and its delivery events to the normal form.

https://docs.aws.amazon.com/sms-voice/latest/userguide/two-way-sms-payload.html
https://docs.aws.amazon.com/sms-voice/latest/userguide/configuration-sets-event-format.html
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, Field

from shared.channelkit.payloads import checked
from shared.channels.sms_sns.address import canonical
from shared.channels.sms_sns.config import PROVIDER
from shared.domain.inbound import ChannelEvent, ConsentChanged, MessageReceived, Receipt, Sender
from shared.domain.messages import MessageKind, MessageStatus
from shared.errors import PayloadInvalid

log = logging.getLogger(__name__)

# https://docs.aws.amazon.com/sms-voice/latest/userguide/keywords-required.html
_STOP = frozenset({"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "ARRET", "OPTOUT", "OPT-OUT"})
_START = frozenset({"START", "UNSTOP"})
_STATUSES = {
    "TEXT_SENT": MessageStatus.SENT,
    "TEXT_SUCCESSFUL": MessageStatus.SENT,
    "TEXT_DELIVERED": MessageStatus.DELIVERED,
    "TEXT_BLOCKED": MessageStatus.DEAD,
    "TEXT_CARRIER_BLOCKED": MessageStatus.DEAD,
    "TEXT_CARRIER_UNREACHABLE": MessageStatus.DEAD,
    "TEXT_INVALID": MessageStatus.DEAD,
    "TEXT_INVALID_MESSAGE": MessageStatus.DEAD,
    "TEXT_PROTECT_BLOCKED": MessageStatus.DEAD,
    "TEXT_SPAM": MessageStatus.DEAD,
    "TEXT_TTL_EXPIRED": MessageStatus.DEAD,
    "TEXT_UNKNOWN": MessageStatus.DEAD,
    "TEXT_UNREACHABLE": MessageStatus.DEAD,
}
IGNORED = frozenset({"TEXT_QUEUED", "TEXT_PENDING"})


class _Inbound(BaseModel):
    originationNumber: str = Field(min_length=1, max_length=40)
    destinationNumber: str = ""
    messageBody: str = ""
    inboundMessageId: str = Field(min_length=1, max_length=128)
    received: str | None = None


class _Event(BaseModel):
    eventType: str
    messageId: str = Field(min_length=1, max_length=128)
    messageStatusDescription: str = ""


def parse(payload: Any) -> list[ChannelEvent]:
    """A customer's message, or what became of one of ours."""
    if not isinstance(payload, Mapping):
        raise PayloadInvalid(f"{PROVIDER}: the notification is not an object")
    return _receipt(payload) if "eventType" in payload else _message(payload)


def _receipt(payload: Mapping[str, Any]) -> list[ChannelEvent]:
    event = checked(PROVIDER, _Event, payload)
    status = _STATUSES.get(event.eventType)
    if status is None:
        if event.eventType not in IGNORED:
            log.warning("an SMS event of unknown kind", extra={"kind": event.eventType[:64]})
        return []
    why = f"{event.eventType.removeprefix('TEXT_').lower()}: {event.messageStatusDescription}"[:300]
    error = why if status is MessageStatus.DEAD else None
    return [Receipt(external_message_id=event.messageId, status=status, error=error)]


def _message(payload: Mapping[str, Any]) -> list[ChannelEvent]:
    text_message = checked(PROVIDER, _Inbound, payload)
    customer = canonical(text_message.originationNumber)
    word = text_message.messageBody.strip().upper()
    message = MessageReceived(
        external_message_id=text_message.inboundMessageId,
        external_conversation_id=customer,
        chat_key=customer,
        sender=Sender(
            external_user_id=customer, keys=(customer,), phone=customer if customer.startswith("+") else None
        ),
        kind=MessageKind.TEXT if text_message.messageBody else MessageKind.UNSUPPORTED,
        text=text_message.messageBody or None,
        sent_at=_sent_at(text_message.received),
        # Amazon has answered these itself: no machine answers, and nobody waits.
        for_people=not customer.startswith("+"),
        nobody_waits=word in _STOP,
        reports_consent=word in _STOP | _START,
        not_routed=word in _STOP,
        extra={"to": text_message.destinationNumber} if text_message.destinationNumber else {},
    )
    if word not in _STOP | _START:
        return [message]
    return [message, ConsentChanged(chat_key=customer, opted_out=word in _STOP, why=f"SMS: {word}")]


def _sent_at(timestamp: str | None) -> datetime:
    try:
        at = datetime.fromisoformat(timestamp or "")
    except ValueError:
        raise PayloadInvalid(f"{PROVIDER}: Timestamp is no time") from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)
