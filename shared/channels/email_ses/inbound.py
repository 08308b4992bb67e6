"""From Amazon SES's notifications to the normal form.

https://docs.aws.amazon.com/ses/latest/dg/receiving-email-notifications-contents.html
https://docs.aws.amazon.com/ses/latest/dg/notification-contents.html
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from shared.channel import RawPart, Webhook
from shared.channelkit.payloads import json_object
from shared.channelkit.sns import envelope
from shared.channels.email_ses import mails
from shared.channels.email_ses.config import PROVIDER
from shared.channels.email_ses.notifications import Feedback, Recipient, read_feedback
from shared.domain.inbound import ChannelEvent, ConsentChanged, Receipt
from shared.domain.messages import MessageStatus
from shared.errors import PayloadInvalid

log = logging.getLogger(__name__)

IGNORED = frozenset({"Send", "Click", "DeliveryDelay", "Subscription", "AmazonSnsSubscriptionSucceeded"})


def accept(webhook: Webhook) -> list[RawPart]:
    """One part a notification; confirmations hold nothing to store."""
    given = envelope(webhook)
    if given.Type != "Notification":
        return []
    if not given.Message.lstrip().startswith("{"):
        log.info("a notification in words", extra={"provider": PROVIDER, "topic": given.TopicArn})
        return []
    payload = json_object(PROVIDER, given.Message.encode("utf-8", "replace"))
    return [RawPart(key=_key(payload), payload=payload)]


def _key(payload: Mapping[str, Any]) -> str:
    """Who wrote: what one person sends is handled in order."""
    mail = payload.get("mail")
    source = mail.get("source") if isinstance(mail, dict) else None
    return str(source or "").strip().lower()[:320] or PROVIDER


def parse(payload: Any) -> list[ChannelEvent]:
    """A mail that came, or word of one that was sent."""
    if not isinstance(payload, Mapping):
        raise PayloadInvalid(f"{PROVIDER}: the notification is not an object")
    kind = payload.get("notificationType") or payload.get("eventType")
    if kind == "Received":
        return mails.parse(payload)
    read = _FEEDBACK.get(kind) if isinstance(kind, str) else None
    if read is not None:
        return read(read_feedback(payload))
    if kind not in IGNORED:
        log.warning("an unknown notification is ignored", extra={"provider": PROVIDER, "kind": str(kind)[:64]})
    return []


def _delivered(given: Feedback) -> list[ChannelEvent]:
    return [Receipt(external_message_id=given.mail.messageId, status=MessageStatus.DELIVERED)]


def _opened(given: Feedback) -> list[ChannelEvent]:
    return [Receipt(external_message_id=given.mail.messageId, status=MessageStatus.READ)]


def _bounced(given: Feedback) -> list[ChannelEvent]:
    """A permanent bounce means that the address takes no mail: nobody is to write there unasked."""
    bounce = given.bounce
    if bounce is None:
        raise PayloadInvalid(f"{PROVIDER}: a bounce without `bounce`")
    if bounce.bounceType != "Permanent":
        # A mailbox that is full or an absence note: Amazon goes on trying, or the mail did arrive.
        log.info("a bounce that passes", extra={"provider": PROVIDER, "kind": bounce.bounceSubType})
        return []
    why = next((person.diagnosticCode for person in bounce.bouncedRecipients if person.diagnosticCode), None)
    error = f"bounced: {why or bounce.bounceSubType}"[:500]
    dead = Receipt(external_message_id=given.mail.messageId, status=MessageStatus.DEAD, error=error)
    return [dead, *_opt_out(bounce.bouncedRecipients, "bounced")]


def _complained(given: Feedback) -> list[ChannelEvent]:
    if given.complaint is None:
        raise PayloadInvalid(f"{PROVIDER}: a complaint without `complaint`")
    return _opt_out(given.complaint.complainedRecipients, "complained")


def _opt_out(people: list[Recipient], why: str) -> list[ChannelEvent]:
    return [ConsentChanged(chat_key=one.emailAddress.strip().lower(), opted_out=True, why=why) for one in people]


def _rejected(given: Feedback) -> list[ChannelEvent]:
    error = "Amazon SES refused the mail after it had accepted it"
    return [Receipt(external_message_id=given.mail.messageId, status=MessageStatus.DEAD, error=error)]


_FEEDBACK: Mapping[str, Callable[[Feedback], list[ChannelEvent]]] = {
    "Delivery": _delivered,
    "Open": _opened,
    "Bounce": _bounced,
    "Complaint": _complained,
    "Reject": _rejected,
    "Rendering Failure": _rejected,
}
