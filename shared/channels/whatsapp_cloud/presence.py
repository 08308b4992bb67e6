"""That an answer is being written, and what was read.

https://developers.facebook.com/docs/whatsapp/cloud-api/typing-indicators
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from shared.channels.whatsapp_cloud.api import call, result
from shared.channels.whatsapp_cloud.config import CloudConfig
from shared.deps import Deps
from shared.domain.instances import Instance
from shared.domain.outbox import OutboxPayload

READ_TIMEOUT = 5.0
"""Seconds; nothing depends on it."""

_SHOWN_SECONDS = 25.0


def show_typing(deps: Deps, instance: Instance, config: CloudConfig, payload: OutboxPayload) -> float:
    """Show it for 25 seconds, or until the answer. It marks what it answers as read, so `mark_read` must allow that."""
    latest = payload.context.get("last_message_id")
    if config.mark_read and isinstance(latest, str) and not payload.context.get("group"):
        post_read(deps, config, latest, typing_indicator={"type": "text"})
    return _SHOWN_SECONDS


def mark_read(
    deps: Deps, instance: Instance, config: CloudConfig, payload: OutboxPayload, external_message_ids: Sequence[str]
) -> None:
    """Mark the latest message, and with it those before."""
    post_read(deps, config, external_message_ids[-1])


def post_read(deps: Deps, config: CloudConfig, message_id: str, **more: Any) -> None:
    """Mark a message and those before it as read."""
    read = {"messaging_product": "whatsapp", "status": "read", "message_id": message_id, **more}
    result(call(deps, config, "POST", f"{config.phone_number_id}/messages", json=read, timeout=READ_TIMEOUT))
