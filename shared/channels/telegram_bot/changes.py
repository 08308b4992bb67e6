"""Editing and deleting what a bot wrote (https://core.telegram.org/bots/api#updating-messages)."""

from __future__ import annotations

from functools import partial
from typing import Any

from shared.channels.telegram_bot.address import target
from shared.channels.telegram_bot.api import PROVIDER, Reply, call, result
from shared.channels.telegram_bot.config import TelegramBotConfig
from shared.channels.telegram_bot.outbound import Step, as_plain_text, number_of, step_of
from shared.deps import Deps
from shared.domain.instances import Instance
from shared.domain.outbox import OutboxPayload
from shared.errors import ProviderRejected

_LOOKS = ("parse_mode", "entities", "caption_entities")


def edit(
    deps: Deps, instance: Instance, config: TelegramBotConfig, payload: OutboxPayload, external_message_id: str
) -> None:
    """Change a message's text, or its file's caption."""
    step = step_of(payload, config.parse_mode)
    frame = _frame(external_message_id)
    if step.method == "sendMessage":
        reply = _change(deps, config, "editMessageText", frame, step)
    else:
        reply = _change(deps, config, "editMessageCaption", frame, step)
        if reply.refused_for("no caption"):  # Its file had gone as a link in a text.
            text = "\n".join(part for part in (payload.text, step.link) if part)
            reply = call(deps, config, "editMessageText", frame | {"text": text})
    if not reply.refused_for("message is not modified"):
        result(reply)


def _change(deps: Deps, config: TelegramBotConfig, method: str, frame: dict[str, Any], step: Step) -> Reply:
    names = ("text", "caption", *_LOOKS)
    step = Step(method, frame | {name: step.params[name] for name in names if name in step.params}, step.link)
    reply = call(deps, config, method, step.params)
    plain = as_plain_text(step, reply)
    return reply if plain is None else call(deps, config, method, plain.params)


def delete(
    deps: Deps, instance: Instance, config: TelegramBotConfig, payload: OutboxPayload, external_message_id: str
) -> None:
    """Delete a message, which Telegram lets a bot do for 48 hours."""
    api = partial(call, deps, config)
    frame = _frame(external_message_id)
    connection = frame.get("business_connection_id")
    if connection is None:
        reply = api("deleteMessage", frame)
    else:
        numbers = [frame["message_id"]]
        reply = api("deleteBusinessMessages", {"business_connection_id": connection, "message_ids": numbers})
    if not reply.refused_for("message to delete not found"):
        result(reply)


def _frame(external_message_id: str) -> dict[str, Any]:
    """The parameters that name a message."""
    number = number_of(external_message_id)
    if number is None:
        raise ProviderRejected(PROVIDER, "the message is not one of Telegram's")
    chat = target(external_message_id.rpartition(":")[0])
    if "direct_messages_topic_id" in chat:
        chat = {"chat_id": chat["chat_id"]}
    return chat | {"message_id": number}
