"""Twilio's calls about text messages."""

from __future__ import annotations

from shared.channel.webhook import RawPart, Webhook, WebhookResponse
from shared.channelkit.twilio_webhooks import NOTHING_TO_DO, fields, number_key, verify
from shared.channels.sms_twilio.config import SmsConfig
from shared.deps import Deps
from shared.domain.instances import Instance

__all__ = ["accept", "respond", "verify"]


def accept(webhook: Webhook) -> list[RawPart]:
    """A message or a status; both are ordered by the customer's number."""
    payload = fields(webhook)
    is_status = "MessageStatus" in payload
    customer = payload.get("To" if is_status else "From", "")
    return [RawPart(key=number_key(customer)[:128], payload=payload)]


def respond(deps: Deps, instance: Instance, config: SmsConfig, webhook: Webhook) -> WebhookResponse | None:
    """An empty TwiML document: nothing is answered in the same call."""
    return NOTHING_TO_DO
