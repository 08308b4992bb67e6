"""Twilio's calls about rooms."""

from __future__ import annotations

from shared.channel.webhook import RawPart, Webhook, WebhookResponse
from shared.channelkit.twilio_webhooks import NOTHING_TO_DO, fields, verify
from shared.channels.video.config import VideoConfig
from shared.deps import Deps
from shared.domain.instances import Instance

__all__ = ["accept", "respond", "verify"]


def respond(deps: Deps, instance: Instance, config: VideoConfig, webhook: Webhook) -> WebhookResponse | None:
    """Nothing is to be said at once."""
    return NOTHING_TO_DO


def accept(webhook: Webhook) -> list[RawPart]:
    """One part a call, in order per room; `chat`, in our own address, tells whose room it is."""
    payload = fields(webhook, "chat")
    return [RawPart(key=payload.get("RoomName", "")[:128], payload=payload)]
