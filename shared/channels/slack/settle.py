"""Asking Slack what the bot has posted: https://docs.slack.dev/reference/methods/conversations.history.

Reading a thread or a channel needs the same scopes as hearing it (`channels:history`, `im:history`, …).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from shared.channel.outbound import Sent
from shared.channels.slack.api import ask
from shared.channels.slack.config import SlackConfig
from shared.channels.slack.mrkdwn import plain
from shared.channels.slack.outbound import place_of, text_of_message
from shared.deps import Deps
from shared.domain.instances import Instance
from shared.domain.outbox import OutboxPayload

_LATEST = 30
_TIMEOUT = 15.0


def sent_messages(
    deps: Deps, instance: Instance, config: SlackConfig, payload: OutboxPayload, since: datetime
) -> list[Sent]:
    """What the bot has posted there since then that says the same, the oldest first."""
    channel, thread = place_of(payload)
    method = "conversations.replies" if thread else "conversations.history"
    arguments = {"channel": channel, "oldest": f"{since.timestamp():.6f}", "limit": str(_LATEST)}
    body = ask(deps, config, method, arguments | ({"ts": thread} if thread else {}), timeout=_TIMEOUT)
    posted = sorted(_own(config, body.get("messages")), key=lambda message: str(message["ts"]))
    text = _as_read(text_of_message(payload))
    return [
        Sent(external_message_id=f"{channel}:{message['ts']}")
        for message in posted
        if float(message["ts"]) >= since.timestamp() and _as_read(message.get("text")) == text
    ]


def _own(config: SlackConfig, messages: object) -> Iterator[Mapping[str, Any]]:
    for message in messages if isinstance(messages, list) else ():
        if not isinstance(message, dict) or not isinstance(message.get("ts"), str):
            continue
        if message.get("user") == config.bot_user_id if config.bot_user_id else message.get("bot_id"):
            yield message


def _as_read(text: object) -> str:
    """Slack makes references of addresses, so both are compared as people read them."""
    return " ".join(plain(str(text or "")).split())
