"""What was read. That somebody writes is not shown: whoever works on an answer does not hold the connection."""

from __future__ import annotations

from collections.abc import Sequence

from shared.channels.telegram_user.config import TelegramUserConfig
from shared.channels.telegram_user.outbound import about, line_for, text_post
from shared.deps import Deps
from shared.domain.instances import Instance
from shared.domain.outbox import OutboxPayload


def mark_read(
    deps: Deps,
    instance: Instance,
    config: TelegramUserConfig,
    payload: OutboxPayload,
    external_message_ids: Sequence[str],
) -> None:
    """Mark the latest message, and with it those before."""
    line_for(deps, instance).send(about(text_post(payload), "read", external_message_ids[-1]))
