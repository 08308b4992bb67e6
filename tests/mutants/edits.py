"""Edits of a few characters of a source, so that a mutant's difference is easy to read."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

Spanned = ast.expr | ast.stmt | ast.keyword | ast.pattern


@dataclass(frozen=True, slots=True)
class Edit:
    """Bytes `start` to `end` become `text`."""

    start: int
    end: int
    text: str

    def applied(self, source: str) -> str:
        data = source.encode()
        return (data[: self.start] + self.text.encode() + data[self.end :]).decode()


class Positions:
    """Where the nodes of a source are."""

    def __init__(self, source: str) -> None:
        self._lines = [0, *accumulate(len(line) for line in source.encode().splitlines(keepends=True))]

    def start(self, node: Spanned) -> int:
        return self._lines[node.lineno - 1] + node.col_offset

    def end(self, node: Spanned) -> int:
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return self._lines[node.end_lineno - 1] + node.end_col_offset

    def replacing(self, node: Spanned, new: ast.AST | str) -> Edit:
        text = new if isinstance(new, str) else ast.unparse(new)
        return Edit(self.start(node), self.end(node), text)

    def between(self, left: Spanned, right: Spanned, text: str) -> Edit:
        return Edit(self.end(left), self.start(right), text)

    def without(self, items: Sequence[Spanned], index: int) -> Edit:
        """The edit that removes one of several items, which commas or operators separate."""
        item = items[index]
        if index + 1 < len(items):
            return Edit(self.start(item), self.start(items[index + 1]), "")
        start = self.end(items[index - 1]) if index else self.start(item)
        return Edit(start, self.end(item), "")


def fewer(node: ast.AST, index: int, *fields: str) -> ast.AST:
    """A copy of a node whose lists of these names have one item less."""
    shorter = copy.copy(node)
    for name in fields:
        items = getattr(node, name)
        setattr(shorter, name, [*items[:index], *items[index + 1 :]])
    return shorter


def changed(node: ast.AST, **fields: object) -> ast.AST:
    """A copy of a node with other fields."""
    other = copy.copy(node)
    for name, value in fields.items():
        setattr(other, name, value)
    return other


def first_that_parses(source: str, edits: Sequence[Edit]) -> str | None:
    """Cutting leaves a bracket behind where an item stands in brackets; then the next edit is taken."""
    for text in _applied(source, edits):
        try:
            ast.parse(text)
        except SyntaxError:
            continue
        return text
    return None


def _applied(source: str, edits: Sequence[Edit]) -> Iterator[str]:
    return (edit.applied(source) for edit in edits)
