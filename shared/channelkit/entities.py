"""Styled text where no marks are wanted: a plain text, and what looks how in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from shared.channelkit.notations import bulleted
from shared.channelkit.styled_text import StyledText, utf16_length
from shared.domain.messages import Span, Style


@dataclass(frozen=True, slots=True)
class Entity:
    """A stretch of text as Telegram counts it, in UTF-16 units; `value` is a link's URL or a language."""

    style: Style
    offset: int
    length: int
    value: str | None


def to_entity(text: str, span: Span) -> Entity:
    """A span as Telegram counts it."""
    start, end = (utf16_length(text[:at]) for at in (span.start, span.end))
    return Entity(span.style, start, end - start, span.value)


def without_marks(styled: StyledText) -> StyledText:
    """The text for who needs no marks: without the addresses of links, with dots before items."""
    at, texts, spans = 0, [], []
    for run in styled.runs():
        if "address" in run.styles:
            continue
        text = bulleted(run.text) if "mark" in run.styles else run.text
        spans += [(style, value, at, at + len(text)) for style, value in _compatible(run.styles)]
        texts.append(text)
        at += len(text)
    return StyledText("".join(texts), _joined(spans))


def _compatible(styles: Mapping[str, str]) -> Iterable[tuple[str, str]]:
    """The styles that a stretch can have at once: what is code can be nothing else, but links are never lost."""
    if "link" not in styles and (alone := next((style for style in ("pre", "code") if style in styles), None)):
        return [(alone, styles[alone])]
    return [(style, value) for style, value in styles.items() if style not in ("mark", "pre", "code")]


def _joined(pieces: Iterable[tuple[str, str, int, int]]) -> list[Span]:
    spans: list[Span] = []
    latest: dict[str, Span] = {}
    for style, value, start, end in pieces:
        before = latest.get(style)
        if before is not None and before.end == start and (before.value or "") == value:
            before.end = end
            continue
        latest[style] = Span.model_validate({"style": style, "start": start, "end": end, "value": value or None})
        spans.append(latest[style])
    return spans
