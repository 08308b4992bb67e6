"""Cutting a text into messages that a provider takes."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from shared.channelkit.styled_text import utf16_length


def cut_text(text: str, limit: int, size: Callable[[str], int] = utf16_length) -> list[str]:
    """The text in pieces of up to `limit`: cut on lines, on words, or anywhere as the last resort.

    `size` is the provider's measure, in which a text is as long as its characters together.
    """
    return list(_pieces(text, limit, size))


def _pieces(text: str, limit: int, size: Callable[[str], int]) -> Iterator[str]:
    """Each looks only at what it may hold, so that the whole costs what its length says."""
    start, end = 0, len(text)
    while start < end:
        window = text[start : start + limit + 1]
        start += len(window) - len(window.lstrip())
        head = _prefix(text[start : start + limit + 1], limit, size)
        at = len(head)
        if start + at < end:
            at = max(head.rfind("\n"), 0) or max(head.rfind(" "), 0) or at
        if piece := text[start : start + at].rstrip():
            yield piece
        start += at


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
