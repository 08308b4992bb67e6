"""Where to answer: the address of a chat as the hub keeps it, and as the Bot API takes it."""

from __future__ import annotations

from typing import Any

_BUSINESS = "business:"
_DIRECT = "direct:"


def of_chat(chat_id: int, business_connection_id: str | None = None) -> str:
    """A chat of a connected business account is reached only by naming the connection."""
    return f"{_BUSINESS}{business_connection_id}:{chat_id}" if business_connection_id else str(chat_id)


def of_topic(chat_id: int, topic_id: int) -> str:
    """One customer's chat with a channel: a topic in the channel's chat for direct messages."""
    return f"{_DIRECT}{chat_id}:{topic_id}"


def is_plain(address: str) -> bool:
    """Whether the chat's id is the whole address."""
    return not address.startswith((_BUSINESS, _DIRECT))


def target(address: str) -> dict[str, Any]:
    """The parameters with which the API's methods name the chat."""
    if address.startswith(_BUSINESS):
        connection, _, chat = address.removeprefix(_BUSINESS).rpartition(":")
        return {"chat_id": chat, "business_connection_id": connection}
    if address.startswith(_DIRECT):
        chat, _, topic = address.removeprefix(_DIRECT).rpartition(":")
        return {"chat_id": chat, "direct_messages_topic_id": int(topic) if topic.isdecimal() else topic}
    return {"chat_id": address}
