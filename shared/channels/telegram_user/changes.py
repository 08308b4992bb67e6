"""Editing and deleting what the account wrote, over its own connection."""

from __future__ import annotations

from shared.channels.telegram_user.config import TelegramUserConfig
from shared.channels.telegram_user.outbound import about, line_for, text_post
from shared.deps import Deps
from shared.domain.instances import Instance
from shared.domain.outbox import OutboxPayload


def edit(
    deps: Deps, instance: Instance, config: TelegramUserConfig, payload: OutboxPayload, external_message_id: str
) -> None:
    """Change a message's text, or its file's caption, which Telegram lets one do for two days."""
    line_for(deps, instance).send(about(text_post(payload), "edit", external_message_id))


def delete(
    deps: Deps, instance: Instance, config: TelegramUserConfig, payload: OutboxPayload, external_message_id: str
) -> None:
    """Delete a message for everybody."""
    line_for(deps, instance).send(about(text_post(payload), "deletion", external_message_id))
