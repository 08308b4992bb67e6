"""An answer as the messages that a channel takes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TypeAlias

from shared.answering import markdown
from shared.answering.turns import split_text
from shared.channel import Capabilities, Markup
from shared.channelkit import rendering
from shared.channelkit.styled_text import StyledText, utf16_length
from shared.domain.messages import Span

Part: TypeAlias = tuple[str, list[Span] | None]
"""A message's text and how it is to look; None where it goes out as it is written."""


def messages_of(text: str, carried: Capabilities, *, is_markdown: bool) -> list[Part]:
    """The messages of an answer.

    Cut on blank lines unless the channel takes an answer in one piece, and where
    a message would be too long as it is sent: on lines, words, or anywhere as the
    last resort, and never within a mark.
    """
    groups = markdown.read(text) if is_markdown else None
    if groups is None:
        return [(part, None) for part in split_text(text, carried.text_limit, in_one_piece=carried.in_one_piece)]
    if carried.in_one_piece:
        groups = [_together(groups)]
    length = partial(_length, carried.markup)
    cut = [piece for group in groups for piece in _cut(group, carried.text_limit, length)]
    return [(piece.text, list(piece.spans)) for piece in cut]


def _length(notation: Markup | None, styled: StyledText) -> int:
    """How long a message gets; one of which nothing would be shown, the address of a link say, is sent as it is."""
    return rendering.rendered_length(notation, styled) or utf16_length(styled.text)


def _together(groups: list[StyledText]) -> StyledText:
    text, spans = "", list[Span]()
    for group in groups:
        start = len(text) + 2 if text else 0
        text = f"{text}\n\n{group.text}" if text else group.text
        spans += [
            span.model_copy(update={"start": span.start + start, "end": span.end + start}) for span in group.spans
        ]
    return StyledText(text, spans)


def _cut(styled: StyledText, limit: int, length: Callable[[StyledText], int]) -> Iterator[StyledText]:
    start, end = 0, len(styled.text)
    while start < end:
        # Never more than a window is looked at: what a long answer costs grows with its length alone.
        window = styled.cut(start, start + 2 * limit)
        start += len(styled.text[start : start + 2 * limit]) - len(styled.text[start : start + 2 * limit].lstrip())
        at = len(window.text)
        if start + at < end or length(window) > limit:
            at = _fitting(window, limit, length)
        if not at:
            # A link whose address alone is too long, say: without looks it can be cut anywhere.
            styled, window = StyledText(styled.text), StyledText(window.text)
            at = _fitting(window, limit, length) or 1
        piece = window.cut(0, at)
        if piece.text:
            yield piece
        start += at


def _fitting(styled: StyledText, limit: int, length: Callable[[StyledText], int]) -> int:
    """How many characters make a piece that is short enough and ends well; 0 when there is no such piece."""
    low, high = 0, len(styled.text)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if length(styled.cut(0, middle)) <= limit else (low, middle - 1)
    head = styled.text[: low + 1]
    at = min(max(head.rfind("\n"), 0) or max(head.rfind(" "), 0) or low, low)
    # A cut may make a mark possible that was none in the middle of a word.
    while at and length(styled.cut(0, at)) > limit:
        at -= 1
    return at
