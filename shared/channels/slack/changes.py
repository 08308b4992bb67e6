"""Editing and deleting what the bot wrote.

https://docs.slack.dev/reference/methods/chat.update, https://docs.slack.dev/reference/methods/chat.delete
"""

from __future__ import annotations

from typing import Any

from shared.channels.slack.api import PROVIDER, call, result
from shared.channels.slack.config import SlackConfig
from shared.channels.slack.outbound import question, text_of_message
from shared.deps import Deps
from shared.domain.instances import Instance
from shared.domain.outbox import OutboxPayload
from shared.errors import ProviderRejected


def edit(deps: Deps, instance: Instance, config: SlackConfig, payload: OutboxPayload, external_message_id: str) -> None:
    """Change a message's text; its links and buttons stay."""
    text = text_of_message(payload)
    body: dict[str, Any] = _message(external_message_id) | {"text": text}
    if payload.choices:
        body["blocks"] = question(text, payload.choices)
    result(call(deps, config, "chat.update", body))


def delete(
    deps: Deps, instance: Instance, config: SlackConfig, payload: OutboxPayload, external_message_id: str
) -> None:
    """Delete a message."""
    reply = call(deps, config, "chat.delete", _message(external_message_id))
    if reply.error != "message_not_found":
        result(reply)


def _message(external_message_id: str) -> dict[str, str]:
    channel, _, ts = external_message_id.partition(":")
    if not ts:
        raise ProviderRejected(PROVIDER, "the message is not one of Slack's")
    return {"channel": channel, "ts": ts}
