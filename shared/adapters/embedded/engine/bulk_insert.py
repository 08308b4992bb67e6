"""Many rows in few statements: every statement releases the interpreter's lock, which costs more than the row."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence

MAX_ROWS = 32
"""Rows of one statement. Only powers of two are used: SQLite prepares a statement for each number of rows."""


def insert_rows(
    connection: sqlite3.Connection, into: str, rows: Sequence[tuple[object, ...]], on_conflict: str = ""
) -> int:
    """`INSERT INTO <into> VALUES …rows… <on_conflict>`, in order; returns the last row's id, 0 without rows."""
    last = 0
    for chunk in _chunks(rows):
        placeholders = f"({', '.join('?' * len(chunk[0]))})"
        sql = f"INSERT INTO {into} VALUES {', '.join([placeholders] * len(chunk))} {on_conflict}"  # noqa: S608  checked names
        last = connection.execute(sql, [value for row in chunk for value in row]).lastrowid or 0
    return last


def _chunks(rows: Sequence[tuple[object, ...]]) -> Iterator[Sequence[tuple[object, ...]]]:
    start, size = 0, MAX_ROWS
    while start < len(rows):
        while size > len(rows) - start:
            size //= 2
        yield rows[start : start + size]
        start += size
