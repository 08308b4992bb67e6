"""Reading what language models write: Markdown (https://spec.commonmark.org) into styled text.

Only what changes how a text looks is read. What would swallow words is not:
HTML, entities and references stay as they are written, and so do tables.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.channelkit.styled_text import StyledText
from shared.domain.messages import Span, Style

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

_log = logging.getLogger(__name__)

MAX_LENGTH = 20_000
"""Characters; whatever is longer is no message, and to find its looks would take seconds."""

MOST_MARKS = 3_000
"""Characters that may mean something; what parsers and notations do with them takes the square of their number."""

_NOTATION = re.compile(r"[*_`~\[\]<>\\|]|^[ \t]*(?:[-+#]|\d{1,9}[.)])(?:[ \t]|$)|^[ \t]*-{3}", re.MULTILINE)
_LINK = re.compile(r"https?://[^\s<>]+")
_LANGUAGE = re.compile(r"[\w.+#-]{1,30}")
_STYLES: dict[str, Style] = {"strong": "bold", "em": "italic", "s": "strike", "heading": "bold"}
_UNREAD = ["code", "html_block", "html_inline", "entity", "reference", "lheading"]


def read(text: str) -> list[StyledText] | None:
    """The text's paragraphs, lists and blocks of code: what blank lines part, and is not of one piece.

    None where there is nothing to read in it, or it cannot be read or is longer
    than `MAX_LENGTH` or has more than `MOST_MARKS`: then it is to go out as it is written.
    """
    if len(text) > MAX_LENGTH or not 0 < sum(1 for _ in _NOTATION.finditer(text)) <= MOST_MARKS:
        return None
    try:
        return _Reader(text).groups() or None
    except Exception:  # noqa: BLE001 - an answer is worth more than its looks, whatever a parser makes of it
        _log.warning("an answer's Markdown could not be read, it goes out as it is", exc_info=True)
        return None


def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt  # noqa: PLC0415 - costs 70 ms, and most processes never read an answer

    parser = MarkdownIt("commonmark", {"html": False}).enable("strikethrough").disable(_UNREAD)
    # Addresses stay as they are written instead of being percent-encoded.
    parser.normalizeLink = str  # type: ignore[method-assign,assignment]
    parser.normalizeLinkText = str  # type: ignore[method-assign,assignment]
    return parser


@dataclass(slots=True)
class _Container:
    """A quotation or an item of a list around what is being written: how its next line begins, and all others."""

    first: str
    rest: str

    def prefix(self) -> str:
        prefix, self.first = self.first, self.rest
        return prefix


@dataclass(slots=True)
class _Opened:
    """A style that goes on; what is in it may be in it twice."""

    depth: int
    start: int


class _Reader:
    """Goes once through a parser's tokens and writes text and spans."""

    def __init__(self, text: str) -> None:
        text = re.sub(r"\r\n?", "\n", text)
        self._source = text.split("\n")
        self._tokens = _parser().parse(text)
        self._groups: list[StyledText] = []
        self._containers: list[_Container] = []
        self._opened: dict[Style, _Opened] = {}
        self._links: list[tuple[int, str, str]] = []
        self._begin_group()

    def groups(self) -> list[StyledText]:
        for token in self._tokens:
            if token.map and token.nesting >= 0 and token.type != "inline":
                self._separate(token)
            self._take(token)
        self._end_group()
        return self._groups

    def _begin_group(self) -> None:
        self._text = ""
        self._spans: list[Span] = []
        self._at_line_start = True
        # Whether nothing was written since the last separation: what is first in a container needs none.
        self._separated = True

    def _end_group(self) -> None:
        group = StyledText(self._text, self._spans).cut(0, len(self._text))
        if group.text:
            self._groups.append(group)

    def _separate(self, token: Token) -> None:
        """Begin a new line as the source does; a blank line outside of lists and quotations begins a new group."""
        line = token.map[0] if token.map else 0
        if self._separated:
            return
        is_blank = line > 0 and not self._source[line - 1].strip(" \t>")
        if is_blank and token.level == 0:
            self._end_group()
            self._begin_group()
            return
        self._text += "\n\n" if is_blank else "\n"
        self._at_line_start = self._separated = True

    def _take(self, token: Token) -> None:
        match token.type:
            case "inline":
                for child in _with_signs(token.children or []):
                    self._take_inline(child)
            case "blockquote_open":
                self._containers.append(_Container("> ", "> "))
            case "list_item_open":
                marker = f"{token.info}{token.markup} " if token.info else "- "
                self._containers.append(_Container(marker, " " * len(marker)))
            case "blockquote_close" | "list_item_close":
                self._close_container()
            case "fence":
                self._write_code_block(token)
            case "hr":
                self._write("---")
            case _:
                self._take_styled(token)

    def _take_inline(self, token: Token) -> None:
        match token.type:
            case "softbreak" | "hardbreak":
                self._break()
            case "code_inline":
                self._enter("code")
                self._write(token.content)
                self._leave("code")
            case "link_open":
                self._begin_line()
                self._links.append((len(self._text), *_target(token, "href")))
            case "link_close":
                self._end_link(*self._links.pop())
            case "image":
                self._begin_line()
                start = len(self._text)
                self._write("".join(child.content for child in token.children or []))
                self._end_link(start, *_target(token, "src"))
            case _:
                self._take_styled(token)

    def _take_styled(self, token: Token) -> None:
        style = _STYLES.get(token.type.rpartition("_")[0])
        if style and token.nesting:
            (self._enter if token.nesting > 0 else self._leave)(style)
        self._write(token.content)

    def _close_container(self) -> None:
        container = self._containers[-1]
        if container.first != container.rest:
            # An item without a word still has its number.
            self._begin_line()
        self._containers.pop()

    def _begin_line(self) -> None:
        if not self._at_line_start:
            return
        self._at_line_start = self._separated = False
        for container in self._containers:
            start = len(self._text)
            self._text += container.prefix()
            if self._text[start] in "->":
                self._spans.append(Span(style="mark", start=start, end=start + 1))

    def _write(self, text: str) -> None:
        if text:
            self._begin_line()
            self._text += text

    def _break(self) -> None:
        """A new line; what marks its beginning is in none of the styles that go on."""
        for style, opened in self._opened.items():
            self._span(style, opened.start)
        self._text += "\n"
        self._at_line_start = True
        self._begin_line()
        for opened in self._opened.values():
            opened.start = len(self._text)

    def _enter(self, style: Style) -> None:
        self._begin_line()
        opened = self._opened.setdefault(style, _Opened(0, len(self._text)))
        opened.depth += 1

    def _leave(self, style: Style) -> None:
        opened = self._opened[style]
        opened.depth -= 1
        if not opened.depth:
            self._span(style, opened.start)
            del self._opened[style]

    def _span(self, style: Style, start: int, value: str | None = None) -> None:
        if start < len(self._text):
            self._spans.append(Span(style=style, start=start, end=len(self._text), value=value))

    def _end_link(self, start: int, url: str, title: str) -> None:
        """The link, and behind it its address for channels that show no links; of two in one the inner is plain."""
        label = self._text[start:].strip()
        if not label:
            self._write(url)
            label = url
        is_link = not self._links and _LINK.fullmatch(url) is not None
        if is_link:
            self._span("link", start, url)
        if url not in ("", label, f"mailto:{label}"):
            behind = len(self._text)
            self._write(f" ({url})")
            if is_link:
                self._span("address", behind)
        self._write(f" ({title})" if title else "")

    def _write_code_block(self, token: Token) -> None:
        info, code = token.info.strip(), token.content.rstrip("\n")
        language = info if code.strip() and _LANGUAGE.fullmatch(info) else None
        if info and language is None:
            code = f"{info}\n{code}".rstrip("\n")
        if not code.strip():
            return
        if any(container.first != container.rest for container in self._containers):
            self._begin_line()
            self._text += "\n"
        start = len(self._text)
        self._text += code
        self._span("pre", start, language)
        self._at_line_start = self._separated = False


def _target(token: Token, name: str) -> tuple[str, str]:
    return str(token.attrs.get(name, "")), str(token.attrs.get("title", ""))


def _with_signs(tokens: Sequence[Token]) -> Sequence[Token]:
    """The tokens of a line with the asterisks that are arithmetic, as in `2*3*4`, made text again."""
    opened: list[int] = []
    for number, token in enumerate(tokens):
        if token.type in ("em_open", "strong_open"):
            opened.append(number)
        elif token.type in ("em_close", "strong_close") and opened:
            first = opened.pop()
            before = tokens[first - 1].content[-1:] if first else ""
            after = tokens[number + 1].content[:1] if number + 1 < len(tokens) else ""
            sides = (_is_of_a_word(before), _is_of_a_word(after))
            if all(sides) or (any(sides) and token.type == "em_close"):
                for sign in (tokens[first], token):
                    sign.type, sign.nesting, sign.content = "text", 0, sign.markup
    return tokens


def _is_of_a_word(character: str) -> bool:
    """Whether it is a letter or digit of a script that puts spaces between words."""
    return character.isalnum() and character < "\u2e80"
