"""That an answer is being written, and what was read.

https://developers.line.biz/en/reference/messaging-api/#display-a-loading-indicator
"""

from __future__ import annotations

from collections.abc import Sequence

from shared.channels.line.api import call, result
from shared.channels.line.config import LineConfig
from shared.deps import Deps
from shared.domain.instances import Instance
from shared.domain.outbox import OutboxPayload

READ_TIMEOUT = 5.0
"""Seconds; nothing depends on it."""

_SHOWN_SECONDS = 20


def show_typing(deps: Deps, instance: Instance, config: LineConfig, payload: OutboxPayload) -> float:
    """Show the loading animation for twenty seconds, or until the answer; in groups there is none."""
    if payload.to.startswith("U"):
        body = {"chatId": payload.to, "loadingSeconds": _SHOWN_SECONDS}
        result(call(deps, config, "POST", "chat/loading/start", json=body, timeout=READ_TIMEOUT))
    return float(_SHOWN_SECONDS)


def mark_read(
    deps: Deps, instance: Instance, config: LineConfig, payload: OutboxPayload, external_message_ids: Sequence[str]
) -> None:
    """Mark all up to the message whose token LINE gave with it."""
    token = payload.context.get("read_token")
    if isinstance(token, str):
        body = {"markAsReadToken": token}
        result(call(deps, config, "POST", "chat/markAsRead", json=body, timeout=READ_TIMEOUT))
