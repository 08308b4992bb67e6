"""Amazon's notifications over SNS, cut into parts."""

from __future__ import annotations

from shared.channel.webhook import RawPart, Webhook
from shared.channelkit.payloads import json_object
from shared.channelkit.sns import envelope
from shared.channelkit.sns_topics import respond, verify, verify_signature
from shared.channels.sms_sns.address import canonical
from shared.channels.sms_sns.config import PROVIDER

__all__ = ["accept", "respond", "verify", "verify_signature"]


def accept(webhook: Webhook) -> list[RawPart]:
    """One part a notification, ordered by the customer's number; its time is Amazon's."""
    message = envelope(webhook)
    if message.Type != "Notification" or not message.Message.lstrip().startswith("{"):
        return []
    notification = json_object(PROVIDER, message.Message.encode("utf-8", "replace"))
    customer = notification.get("originationNumber") or notification.get("destinationPhoneNumber")
    return [
        RawPart(key=canonical(str(customer or PROVIDER))[:128], payload=notification | {"received": message.Timestamp})
    ]
