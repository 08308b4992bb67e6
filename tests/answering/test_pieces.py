"""However an answer is written: nothing of it is lost, and every message fits."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from shared.answering.markdown import read
from shared.answering.pieces import messages_of
from shared.channel import Capabilities, Markup
from shared.channelkit.rendering import apply_markup, entities, render
from shared.channelkit.styled_text import StyledText, utf16_length
from shared.domain.outbox import OutboxPayload

MARKUPS: list[Markup | None] = ["slack", "whatsapp", "telegram", "discord", "html", None]

_plain_texts = st.text("abcXYZ019 äß漢😀.,!'", min_size=1, max_size=12)
_MARKS = ["*", "**", "***", "_", "__", "`", "``", "~~", "[", "](", ")", "![", "<", ">", "|", "\\", "  ", "\t"]
_LINES = ["\n", "\n\n", "\n- ", "\n1. ", "\n> ", "\n# ", "\n---\n", "\n```\n", "\n    "]
_LINKS = ["](https://x.example/a_b)", "<https://x.example>"]
_signs = st.sampled_from([*_MARKS, *_LINES, *_LINKS])
_markdown = st.lists(_plain_texts | _signs, max_size=40).map("".join)


def _sent(markup: Markup | None, payload: OutboxPayload) -> str:
    if markup is None:
        return payload.text or ""
    return entities(payload)[0] if markup == "telegram" else apply_markup(markup, payload).text or ""


class _WarningRecorder(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


@contextmanager
def _logged_warnings() -> Iterator[list[logging.LogRecord]]:
    """The warnings and errors that are logged while this is open."""
    handler = _WarningRecorder()
    logger = logging.getLogger("shared.answering.markdown")
    logger.addHandler(handler)
    try:
        yield handler.records
    finally:
        logger.removeHandler(handler)


def _letters(text: str) -> str:
    return "".join(character for character in text if character.isalnum())


@settings(max_examples=150, deadline=None)
@given(text=_markdown, markup=st.sampled_from(MARKUPS), limit=st.integers(120, 400), whole=st.booleans())
@example(text="**a*b c d**" * 40, markup="slack", limit=120, whole=True)
@example(text="[" + "x" * 300 + "](https://x.example)", markup="discord", limit=120, whole=False)
@example(text="[x](https://x.example/" + "y" * 300 + ")", markup="slack", limit=120, whole=False)
@example(text="![ ](https://x.example/a_b)", markup="slack", limit=120, whole=False)
@example(text="*" * 3000 + "a" + "*" * 3000, markup="html", limit=120, whole=False)
def test_no_message_is_too_long_and_no_letter_is_lost(
    text: str, markup: Markup | None, limit: int, whole: bool
) -> None:
    carried = Capabilities(text_limit=limit, markup=markup, in_one_piece=whole)
    pieces = messages_of(text, carried, is_markdown=True)
    sent = [_sent(markup, OutboxPayload(text=part, spans=spans)) for part, spans in pieces]
    assert all(utf16_length(one) <= limit for one in sent)
    assert _letters("".join(part for part, _ in pieces)) == _letters(text)
    assert bool(pieces) == bool(text.strip())


@settings(max_examples=100, deadline=None)
@given(text=_markdown)
def test_what_has_notation_in_it_can_be_read(text: str) -> None:
    with _logged_warnings() as warnings:
        read(text)
    assert warnings == []


@settings(max_examples=100, deadline=None)
@given(text=_markdown, markup=st.sampled_from(["slack", "whatsapp", "discord", "html"]))
def test_whatever_is_marked_up_its_letters_are_there(text: str, markup: Markup) -> None:
    carried = Capabilities(text_limit=100_000, markup=markup)
    for part, spans in messages_of(text, carried, is_markdown=True):
        letters = iter(render(markup, StyledText(part, spans or ())))
        # Where links are links their addresses stand elsewhere; nothing else may be missing.
        without = part.replace("https://x.example/a_b", "").replace("https://x.example", "")
        assert all(letter in letters for letter in _letters(without))


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        ("slack", ["*one two*", "*three* four", "five"]),
        ("whatsapp", ["*one two*", "*three* four", "five"]),
        ("discord", ["**one two**", "**three**", "four five"]),
    ],
)
def test_marks_are_closed_and_opened_again_where_a_text_is_cut(markup: Markup, expected: list[str]) -> None:
    carried = Capabilities(text_limit=13, markup=markup)
    pieces = messages_of("**one two three** four five", carried, is_markdown=True)
    assert [_sent(markup, OutboxPayload(text=part, spans=spans)) for part, spans in pieces] == expected


def test_no_escape_is_cut_in_two() -> None:
    carried = Capabilities(text_limit=20, markup="slack")
    pieces = messages_of("`x` " + "&" * 30, carried, is_markdown=True)
    sent = [_sent("slack", OutboxPayload(text=part, spans=spans)) for part, spans in pieces]
    assert "".join(sent).replace("`x`", "") == "&amp;" * 30
    assert all(len(one) <= 20 and one.endswith((";", "`")) for one in sent)


@pytest.mark.parametrize("text", ["one\n\n**two**", "one\n\ntwo"])
@pytest.mark.parametrize(("whole", "count"), [(True, 1), (False, 2)])
def test_a_channel_in_one_piece_gets_its_paragraphs_together(text: str, whole: bool, count: int) -> None:
    carried: dict[str, Any] = {"text_limit": 100, "in_one_piece": whole}
    pieces = messages_of(text, Capabilities(**carried), is_markdown=True)
    assert len(pieces) == count
    assert "\n\n".join(part for part, _ in pieces) == "one\n\ntwo"


def test_what_is_no_markdown_is_left_alone() -> None:
    assert messages_of("2*3*4 **x**", Capabilities(text_limit=100), is_markdown=False) == [("2*3*4 **x**", None)]
