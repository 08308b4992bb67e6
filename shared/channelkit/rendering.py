"""From styled text to what a channel shows."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import ParamSpec, TypeVar

from shared.channel import Markup
from shared.channelkit.entities import Entity, to_entity, without_marks
from shared.channelkit.notations import NOTATIONS, Notation
from shared.channelkit.styled_text import Run, StyledText, utf16_length
from shared.domain.outbox import OutboxPayload

P = ParamSpec("P")
T = TypeVar("T")

_log = logging.getLogger(__name__)

_NESTING = ("bold", "italic", "strike", "link", "code")


@dataclass(frozen=True, slots=True)
class _Piece:
    """A run within one line, and the characters beside it."""

    run: Run
    before: str
    after: str


def apply_markup(markup: Markup, payload: OutboxPayload) -> OutboxPayload:
    """The payload with its text in the channel's notation; itself where nobody says how the text is to look."""
    if payload.spans is None:
        return payload
    plain = payload.text or ""
    text = render_or_none(render, markup, StyledText(plain, payload.spans)) or NOTATIONS[markup].escape(plain)
    return payload.model_copy(update={"text": text, "spans": None})


def render_or_none(write: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T | None:
    """What is written, None for what cannot be: a message is worth more than its looks."""
    try:
        return write(*arguments, **named)
    except Exception:  # noqa: BLE001 - whatever it is, the plain text can still be sent
        _log.warning("a text could not be marked up, it goes out plain", exc_info=True)
        return None


def entities(payload: OutboxPayload) -> tuple[str, list[Entity]]:
    """The payload's text without marks, and what looks how in it."""
    text = payload.text or ""
    if payload.spans is None:
        return text, []
    styled = render_or_none(without_marks, StyledText(text, payload.spans))
    if styled is None or not styled.text:
        return text, []
    return styled.text, [to_entity(styled.text, span) for span in styled.spans]


def render(markup: Markup, styled: StyledText) -> str:
    """The text in a notation that marks it."""
    notation = NOTATIONS[markup]
    runs = [run for run in styled.runs() if notation.link is None or "address" not in run.styles]
    parts = groupby(runs, lambda run: "pre" in run.styles)
    return "".join(
        _block(notation, list(part)) if is_block else _lines(notation, list(part)) for is_block, part in parts
    )


def rendered_length(markup: Markup | None, styled: StyledText) -> int:
    """How long the text gets in UTF-16 units."""
    if markup is None:
        return utf16_length(styled.text)
    return utf16_length(without_marks(styled).text if markup == "telegram" else render(markup, styled))


def _block(notation: Notation, runs: Sequence[Run]) -> str:
    text = "".join(run.text for run in runs)
    opening, closing = notation.marks["pre"]
    if opening in text or not text.strip():
        return notation.escape(text)
    ending = "" if opening.startswith("<") else "\n"
    language = runs[0].styles["pre"] if notation.languages else ""
    return f"{opening}{language}{ending}{notation.verbatim(text)}{ending}{closing}"


def _lines(notation: Notation, runs: Sequence[Run]) -> str:
    lines: list[list[Run]] = [[]]
    for run in runs:
        first, *others = run.text.split("\n")
        lines[-1].append(Run(first, run.styles))
        lines += ([Run(text, run.styles)] for text in others)
    return notation.newline.join(_written(notation, list(_pieces(line)), _NESTING) for line in lines)


def _pieces(line: Sequence[Run]) -> Iterator[_Piece]:
    runs = [run for run in line if run.text]
    for number, run in enumerate(runs):
        before = runs[number - 1].text[-1] if number else ""
        after = runs[number + 1].text[0] if number + 1 < len(runs) else ""
        yield _Piece(run, before, after)


def _written(notation: Notation, pieces: Iterable[_Piece], nesting: Sequence[str]) -> str:
    """A line's pieces, the outermost style first."""
    if not nesting:
        return "".join(_plain(notation, piece.run) for piece in pieces)
    style, inner = nesting[0], nesting[1:]
    texts = []
    for value, pieces_of_style in groupby(pieces, lambda piece: piece.run.styles.get(style)):
        group = list(pieces_of_style)
        text = _written(notation, group, inner)
        if value is None or not text.strip():
            texts.append(text)
        elif style == "link":
            texts.append(notation.link(text, value) if notation.link else text)
        else:
            texts.append(_marked(notation, style, group, text))
    return "".join(texts)


def _plain(notation: Notation, run: Run) -> str:
    return notation.mark(run.text) if "mark" in run.styles else notation.escape(run.text)


def _marked(notation: Notation, style: str, pieces: Sequence[_Piece], inner: str) -> str:
    """The marks around what they are for, without the white space at its ends."""
    plain = "".join(piece.run.text for piece in pieces)
    opening, closing = notation.marks[style]
    if (notation.tight or opening == "`") and opening[0] in plain:
        return inner
    if notation.tight and _within_a_word(plain, pieces[0].before, pieces[-1].after):
        return inner
    text = notation.verbatim(plain) if style == "code" else inner
    core = text.strip()
    at = text.index(core)
    return f"{text[:at]}{opening}{core}{closing}{text[at + len(core) :]}"


def _within_a_word(text: str, before: str, after: str) -> bool:
    return (before.isalnum() and text[0].isalnum()) or (text[-1].isalnum() and after.isalnum())
