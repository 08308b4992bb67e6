"""From Amazon SES's notifications to the normal form.

https://docs.aws.amazon.com/ses/latest/dg/receiving-email-notifications-contents.html
https://docs.aws.amazon.com/ses/latest/dg/notification-contents.html
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from shared.channels.email_ses import mails
from shared.channels.email_ses.config import PROVIDER, EmailConfig
from shared.channels.email_ses.mailbox import read_object
from shared.channels.email_ses.notifications import Feedback, Recipient, read_feedback, read_received
from shared.deps import Deps
from shared.domain.inbound import ChannelEvent, ConsentChanged, Receipt
from shared.domain.instances import Instance
from shared.domain.messages import MessageStatus
from shared.errors import PayloadInvalid

log = logging.getLogger(__name__)

IGNORED = frozenset({"Send", "Click", "DeliveryDelay", "Subscription", "AmazonSnsSubscriptionSucceeded"})


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


def _receipt(feedback: Feedback, status: MessageStatus, error: str | None = None) -> Receipt:
    mail = feedback.mail
    return Receipt(external_message_id=mail.messageId, status=status, error=error, part_id=mail.part_id)


def _delivered(feedback: Feedback) -> list[ChannelEvent]:
    return [_receipt(feedback, MessageStatus.DELIVERED)]


def _opened(feedback: Feedback) -> list[ChannelEvent]:
    return [_receipt(feedback, MessageStatus.READ)]


def _bounced(feedback: Feedback) -> list[ChannelEvent]:
    """A permanent bounce means that the address takes no mail: nobody is to write there unasked."""
    bounce = feedback.bounce
    if bounce is None:
        raise PayloadInvalid(f"{PROVIDER}: a bounce without `bounce`")
    if bounce.bounceType != "Permanent":
        # A mailbox that is full or an absence note: Amazon goes on trying, or the mail did arrive.
        log.info("a bounce that passes", extra={"provider": PROVIDER, "kind": bounce.bounceSubType})
        return []
    why = next((person.diagnosticCode for person in bounce.bouncedRecipients if person.diagnosticCode), None)
    error = f"bounced: {why or bounce.bounceSubType}"[:500]
    return [_receipt(feedback, MessageStatus.DEAD, error), *_opt_out(bounce.bouncedRecipients, "bounced")]


def _complained(feedback: Feedback) -> list[ChannelEvent]:
    if feedback.complaint is None:
        raise PayloadInvalid(f"{PROVIDER}: a complaint without `complaint`")
    return _opt_out(feedback.complaint.complainedRecipients, "complained")


def _opt_out(people: list[Recipient], why: str) -> list[ChannelEvent]:
    return [ConsentChanged(chat_key=person.emailAddress.strip().lower(), opted_out=True, why=why) for person in people]


def _rejected(feedback: Feedback) -> list[ChannelEvent]:
    error = "Amazon SES refused the mail after it had accepted it"
    return [_receipt(feedback, MessageStatus.DEAD, error)]


_FEEDBACK: Mapping[str, Callable[[Feedback], list[ChannelEvent]]] = {
    "Delivery": _delivered,
    "Open": _opened,
    "Bounce": _bounced,
    "Complaint": _complained,
    "Reject": _rejected,
    "Rendering Failure": _rejected,
}


def enrich(deps: Deps, instance: Instance, config: EmailConfig, payload: Any) -> Any:
    """Add what tells the channel's own threads, and fetch a mail that the notification only refers to.

    Raises `PayloadInvalid` for one in a bucket that is not the channel's.
    """
    if not isinstance(payload, dict) or payload.get("notificationType") != "Received":
        return payload
    payload = {**payload, "thread_key": config.thread_key, "reply_domain": config.reply_domain}
    payload["own_address"] = config.address.lower()
    if payload.get("content"):
        return payload
    try:
        action = read_received(payload).receipt.action
    except PayloadInvalid:
        return payload  # reading it says so, where it is reported
    if action.type != "S3" or not action.bucketName or not action.objectKey:
        return payload
    return {**payload, "mime": read_object(deps, config, action.bucketName, action.objectKey)}
