"""Telegram's ids of chats and messages, as we write them."""

from __future__ import annotations

_FIRST_CHANNEL = -1_000_000_000_000
"""Channels and supergroups are at and below it, basic groups above, people above zero."""


def has_own_numbers(chat: int) -> bool:
    """Whether message numbers count for this chat alone; all others share the account's one count."""
    return chat <= _FIRST_CHANNEL


def message_id(chat: int | None, number: int) -> str:
    """A message's id within the account: `<chat>:<number>` in channels and supergroups, else the number.

    A deletion elsewhere names no chat, so neither must the id.
    """
    return f"{chat}:{number}" if chat is not None and has_own_numbers(chat) else str(number)


def number(external_message_id: str | None) -> int | None:
    """The number in an id of ours; None for an id that is none."""
    digits = (external_message_id or "").rpartition(":")[2]
    return int(digits) if digits.isascii() and digits.isdecimal() and len(digits) < 12 else None


def canonical(address: str) -> str:
    """A person's or chat's id as it is, a username with `@` in lower case."""
    text = address.strip().removeprefix("https://t.me/")
    if text.removeprefix("-").isdecimal() and text.isascii():
        return text
    return f"@{text.removeprefix('@').lower()}" if text else text


def target(address: str) -> int | str:
    """What Telegram is asked for: the number of an id, or a username."""
    return int(address) if address.removeprefix("-").isdecimal() and address.isascii() else address
