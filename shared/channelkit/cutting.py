"""Cutting a text into messages that a provider takes."""

from __future__ import annotations

from collections.abc import Callable

from shared.channelkit.styled_text import utf16_length


def cut_text(text: str, limit: int, size: Callable[[str], int] = utf16_length) -> list[str]:
    """The text in pieces of up to `limit`: cut on lines, on words, or anywhere as the last resort.

    `size` is the provider's measure, in which a text is as long as its characters together.
    """
    pieces = []
    while size(text) > limit:
        head = _prefix(text, limit, size)
        at = max(head.rfind("\n"), 0) or max(head.rfind(" "), 0) or len(head)
        pieces.append(text[:at].rstrip())
        text = text[at:].lstrip()
    return [piece for piece in [*pieces, text] if piece]


def _prefix(text: str, limit: int, size: Callable[[str], int]) -> str:
    """As many characters as fit, and always one."""
    used = 0
    for index, character in enumerate(text):
        used += size(character)
        if used > limit and index:
            return text[:index]
    return text


def utf8_length(text: str) -> int:
    """How long a text is for providers that count bytes."""
    return len(text.encode("utf-8", "surrogatepass"))
