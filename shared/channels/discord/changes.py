"""Editing and deleting what the bot wrote (https://docs.discord.com/developers/resources/message#edit-message)."""

from __future__ import annotations

from typing import Any

from shared.channels.discord.api import PROVIDER, call, result
from shared.channels.discord.config import DiscordConfig
from shared.channels.discord.outbound import buttons, content_of
from shared.deps import Deps
from shared.domain.instances import Instance
from shared.domain.outbox import OutboxPayload
from shared.errors import ProviderRejected

_UNKNOWN_MESSAGE = 10008


def edit(
    deps: Deps, instance: Instance, config: DiscordConfig, payload: OutboxPayload, external_message_id: str
) -> None:
    """Change a message's text; its links and buttons stay."""
    message: dict[str, Any] = {"content": content_of(payload), "allowed_mentions": {"parse": []}}
    if payload.choices:
        message["components"] = buttons(payload.choices)
    result(call(deps, instance, config, "PATCH", _path(external_message_id), message))


def delete(
    deps: Deps, instance: Instance, config: DiscordConfig, payload: OutboxPayload, external_message_id: str
) -> None:
    """Delete a message."""
    reply = call(deps, instance, config, "DELETE", _path(external_message_id))
    if reply.code != _UNKNOWN_MESSAGE:
        result(reply)


def _path(external_message_id: str) -> str:
    channel, _, number = external_message_id.partition(":")
    if not (channel.isdecimal() and number.isdecimal()):
        raise ProviderRejected(PROVIDER, "the message is not one of Discord's")
    return f"channels/{channel}/messages/{number}"
