"""Many rows in few statements: each statement is a chance for other threads to take Python away, and costs as much."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence

MAX_ROWS = 32
"""Rows of one statement. Only powers of two are used: SQLite prepares a statement for each number of rows."""


def insert(connection: sqlite3.Connection, into: str, rows: Sequence[tuple[object, ...]], otherwise: str = "") -> int:
    """`INSERT INTO <into> VALUES …rows… <otherwise>`, in the rows' order; returns the last row's id, 0 without rows."""
    last = 0
    for chunk in _chunks(rows):
        places = f"({', '.join('?' * len(chunk[0]))})"
        sql = f"INSERT INTO {into} VALUES {', '.join([places] * len(chunk))} {otherwise}"  # noqa: S608  checked names
        last = connection.execute(sql, [value for row in chunk for value in row]).lastrowid or 0
    return last


def _chunks(rows: Sequence[tuple[object, ...]]) -> Iterator[Sequence[tuple[object, ...]]]:
    start, size = 0, MAX_ROWS
    while start < len(rows):
        while size > len(rows) - start:
            size //= 2
        yield rows[start : start + size]
        start += size
