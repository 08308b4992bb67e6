"""Asking Discord what the bot has written: https://docs.discord.com/developers/resources/message#get-channel-messages.

A nonce makes a second sending safe for some minutes only, and never that of an answer to an interaction. Reading needs
the permission to read the channel's history.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import partial
from typing import Any
from urllib.parse import quote

from shared.channel.outbound import Sent
from shared.channels.discord.api import call, result
from shared.channels.discord.config import DiscordConfig, client_id
from shared.channels.discord.outbound import channel_of, content_of, sent_as
from shared.deps import Deps
from shared.domain.instances import Instance
from shared.domain.outbox import OutboxPayload

_LATEST = 50
_EPOCH_MILLISECONDS = 1_420_070_400_000
"""Where the time in a snowflake begins (https://docs.discord.com/developers/reference#snowflakes)."""


def sent_messages(
    deps: Deps, instance: Instance, config: DiscordConfig, payload: OutboxPayload, since: datetime
) -> list[Sent]:
    """What the bot has written there since then that says the same, the oldest first."""
    api = partial(call, deps, instance, config)
    channel = channel_of(api, payload)
    path = f"channels/{quote(channel, safe='')}/messages?limit={_LATEST}&after={_snowflake(since)}"
    reply = api("GET", path)
    listed = reply.answer.json() if reply.answer.ok else result(reply)
    content = content_of(payload).split()
    written = _own(listed, client_id(config, deps.settings))
    same = [message for message in written if str(message.get("content")).split() == content]
    return [
        sent_as({"channel_id": channel, **message}, payload.external_conversation_id)
        for message in sorted(same, key=lambda message: int(message["id"]))
    ]


def _own(messages: object, application: str | None) -> Iterator[Mapping[str, Any]]:
    """The bot's own; its id is the application's, which all but the oldest applications share with their bot."""
    for message in messages if isinstance(messages, list) else ():
        author = message.get("author") if isinstance(message, dict) else None
        if not isinstance(author, dict) or author.get("bot") is not True:
            continue
        if application is None or application in (author.get("id"), message.get("application_id")):
            yield message


def _snowflake(moment: datetime) -> int:
    return (int(moment.timestamp() * 1000) - _EPOCH_MILLISECONDS) << 22
