"""What SMS providers post; each provider reads its own."""

from __future__ import annotations

from typing import Any

from shared.channel import Answer, RawPart, Webhook
from shared.channelkit import twilio_webhooks
from shared.channels.sms_twilio import twilio
from shared.channels.sms_twilio.config import SmsConfig
from shared.config import Settings
from shared.deps import Deps
from shared.domain.inbound import ChannelEvent
from shared.domain.instances import Instance


def verify(webhook: Webhook, config: SmsConfig, settings: Settings) -> None:
    """Check the provider's signature."""
    twilio_webhooks.verify(webhook, config, settings)


def accept(webhook: Webhook) -> list[RawPart]:
    """One part a call."""
    return twilio.accept(webhook)


def parse(payload: Any) -> list[ChannelEvent]:
    """A message with what it means for consent, or what became of one of ours."""
    return twilio.parse(payload)


def answer(deps: Deps, instance: Instance, config: SmsConfig, webhook: Webhook) -> Answer | None:
    """Nothing is to be said at once; Twilio wants to hear so as TwiML."""
    return twilio_webhooks.NOTHING_TO_DO
