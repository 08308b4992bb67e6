"""Where something was said."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Chat:
    """Where something was said.

    Direct messages are one chat with a person, who may write in threads there;
    anywhere else each thread is a chat of its own.
    """

    chat_key: str
    address: str
    is_thread: bool
    context: dict[str, Any] = field(default_factory=dict)


def chat_of(channel: str, channel_type: str | None, user: str, ts: str, thread_ts: str | None) -> Chat:
    if is_direct(channel, channel_type):
        return Chat(user, channel, is_thread=False, context={"thread_ts": thread_ts})
    thread = f"{channel}:{thread_ts or ts}"
    return Chat(thread, thread, is_thread=True)


def is_direct(channel: str, channel_type: str | None) -> bool:
    return channel_type == "im" or channel.startswith("D")
