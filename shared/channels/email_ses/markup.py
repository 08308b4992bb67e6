"""Strangers' HTML brought into a form whose reading costs no more than its length.

What HTML's rules make of crossed, unclosed and deeply nested tags may be the
square of what was written, in any parser that follows them. So tags are read
here without these rules and written balanced, not deep, and each formatting
element once at a time. That makes nothing safe: `nh3` does, afterwards.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import NamedTuple

MOST_OPEN, MOST_ATTRIBUTES = 64, 4000
"""How deep elements may lie in one another, and the characters of one tag's attributes."""

_TAG = re.compile(r"""<(/?)([A-Za-z][^\s/<>"']{0,60})((?:[^<>"']|"[^"<]*"|'[^'<]*')*+)>""")
_DECLARATION = re.compile(r"<[!?][^<>]*>")
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}(?![0-9])|#[xX][0-9A-Fa-f]{1,6}(?![0-9A-Fa-f])|[A-Za-z][A-Za-z0-9]{1,31});?")
_EMPTY_LINES = re.compile(r"\n[^\S\n]*\n\s*\n")

_UNSEEN = frozenset({"head", "script", "style", "title"})
_VOID = frozenset({"area", "br", "col", "hr", "img", "wbr"})
_PLAIN = frozenset({"b", "code", "em", "i", "s", "small", "strike", "strong", "tt", "u"})
_LINES = frozenset({"br", "div", "h1", "h2", "h3", "h4", "h5", "h6", "li", "p", "tr"})


class _Piece(NamedTuple):
    """Text, or the attributes of a tag when `name` is given."""

    text: str
    name: str = ""
    closes: bool = False


def text_of(rich: str) -> str:
    """What a reader sees, without markup; at most one empty line in a row."""
    text = "".join(_line(piece) if piece.name else piece.text for piece in _pieces(rich))
    return _EMPTY_LINES.sub("\n\n", _ENTITY.sub(lambda entity: html.unescape(entity[0]), text))


def _line(tag: _Piece) -> str:
    return "\n" if tag.name in _LINES and (tag.closes or tag.name == "br") else ""


def balanced(rich: str, allowed: frozenset[str]) -> str:
    """The same HTML with elements of the `known` names alone, each closed where its parent ends."""
    written: list[str] = []
    opened: list[str] = []
    for piece in _pieces(rich):
        if not piece.name:
            written.append(piece.text.replace("<", "&lt;"))
        elif piece.name not in allowed:
            continue
        elif piece.closes:
            written += _closed(opened, piece.name)
        elif _fits(opened, piece.name):
            written.append(f"<{piece.name}{'' if piece.name in _PLAIN else piece.text}>")
            opened += [] if piece.name in _VOID else [piece.name]
    return "".join([*written, *(f"</{name}>" for name in reversed(opened))])


def _closed(opened: list[str], name: str) -> Iterator[str]:
    while name in opened:
        inner = opened.pop()
        yield f"</{inner}>"
        if inner == name:
            return


def _fits(opened: list[str], name: str) -> bool:
    if name in _VOID:
        return True
    return len(opened) < MOST_OPEN and not (name in opened and name in _PLAIN | {"a"})


def _pieces(rich: str) -> Iterator[_Piece]:
    """Text and tags, in order, without comments and without the content of what nobody sees."""
    seen = _DECLARATION.sub("", _without_comments(rich))
    at, hidden_to = 0, 0
    endless: set[str] = set()
    for tag in _TAG.finditer(seen):
        if tag.start() < hidden_to:
            continue
        yield _Piece(seen[at : tag.start()])
        at, name, closes = tag.end(), tag[2].lower(), bool(tag[1])
        if name in _UNSEEN and not closes and name not in endless:
            end = re.compile(f"(?i)</{name}").search(seen, at)
            endless |= set() if end else {name}
            at = hidden_to = end.start() if end else at
        yield _Piece(tag[3] if len(tag[3]) <= MOST_ATTRIBUTES else "", name, closes)
    yield _Piece(seen[at:])


def _without_comments(rich: str) -> str:
    parts, at = [], 0
    while (start := rich.find("<!--", at)) >= 0:
        parts.append(rich[at:start])
        end = rich.find("-->", start)
        at = end + 3 if end >= 0 else len(rich)
    return "".join([*parts, rich[at:]])
