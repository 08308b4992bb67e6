"""Queries over JSON documents as SQL, each served by an index made for its shape.

A field is compared as `ifnull(json_extract(data, path), -infinity)`: an explicit
None sorts before all values and is never NULL, so that paging can compare it.
Documents without the field are not in the index at all (it is a partial one),
and the query repeats that condition. `INDEXED BY` makes SQLite use that index
or refuse, so no query can quietly turn into a scan. A field is expected to hold
values of one type, or None, throughout a collection.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from math import inf, isfinite
from typing import Any

from shared.adapters.embedded.codec import encode_string, encode_time
from shared.errors import BadRequest
from shared.ports.store import Operator, Order, Where

MAX_IN_VALUES = 30
_COLLECTION = re.compile(r"[a-z][a-z0-9_]{0,62}")
_FIELD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*")
_RANGES = ("<", "<=", ">", ">=")
_JSON_TYPES = {
    bool: ("true", "false"),
    int: ("integer", "real"),
    float: ("integer", "real"),
    str: ("text",),
    datetime: ("text",),
    type(None): ("null",),
}


@lru_cache(maxsize=1000)
def table_name(collection: str) -> str:
    """The table of a collection; raises `ValueError` for a name that must not get into SQL."""
    if not _COLLECTION.fullmatch(collection):
        raise ValueError(f"{collection!r} is not a collection's name")
    return f"doc_{collection}"


def create_table(collection: str) -> str:
    """SQL that makes a collection's table where it is missing."""
    columns = "id TEXT NOT NULL PRIMARY KEY, version TEXT NOT NULL, data TEXT NOT NULL"
    return f"CREATE TABLE IF NOT EXISTS {table_name(collection)} ({columns})"


@dataclass(frozen=True, slots=True)
class Query:
    """A checked query; raises `ValueError` for one that the port does not allow."""

    collection: str
    where: tuple[Where, ...]
    order_by: tuple[Order, ...]

    def __post_init__(self) -> None:
        table_name(self.collection)
        for condition in self.where:
            _check(condition)
        ranges = {condition.field for condition in self.where if condition.op in _RANGES}
        if len(ranges) > 1:
            raise ValueError("only one field may have a range")
        if self.order_by and ranges - {self.order_by[0].field}:
            raise ValueError("a range's field must be the first in order_by")

    @property
    def shape(self) -> str:
        """What stays the same from page to page: a hash over everything but the values."""
        parts = [
            self.collection,
            [(c.field, c.op) for c in self.where],
            [(o.field, o.descending) for o in self.order_by],
        ]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]

    @property
    def descending(self) -> bool:
        """The direction in which ties are broken."""
        return bool(self.order_by) and self.order_by[-1].descending

    @property
    def hopeless(self) -> bool:
        """An `in` without values matches nothing, and SQLite has no plan for it."""
        return any(c.op == "in" and not c.value for c in self.where)

    @property
    def sort_columns(self) -> list[str]:
        return [_value(order.field) for order in self.order_by]

    def index(self) -> tuple[str, str] | None:
        """Name and DDL of the index that serves the query; None when the primary key does."""
        return _index(self.collection, tuple((c.field, c.op) for c in self.where), self.order_by)

    def page_sql(self, limit: int, after: Position | None) -> tuple[str, list[object]]:
        """The SELECT of one page: id, version, data and the sort columns."""
        if not self.order_by and any(c.op in _RANGES for c in self.where):
            raise ValueError("a range's field must be the first in order_by")
        condition, parameters = self._conditions()
        if after is not None:
            beyond, bounds = self._beyond(after)
            condition, parameters = f"{condition} AND {beyond}", parameters + bounds
        orders = [c + _direction(o.descending) for c, o in zip(self.sort_columns, self.order_by, strict=True)]
        orders.append("id" + _direction(self.descending))
        columns = ", ".join(["id", "version", "data", *self.sort_columns])
        sql = f"SELECT {columns} {self._source()} WHERE {condition} ORDER BY {', '.join(orders)} LIMIT ?"
        return sql, [*parameters, limit]

    def count_sql(self, up_to: int | None = None) -> tuple[str, list[object]]:
        condition, parameters = self._conditions()
        if up_to is None:
            return f"SELECT count(*) {self._source()} WHERE {condition}", parameters
        matching = f"SELECT 1 {self._source()} WHERE {condition} LIMIT ?"
        return f"SELECT count(*) FROM ({matching})", [*parameters, up_to]  # noqa: S608  checked names

    def _source(self) -> str:
        index = self.index()
        return f"FROM {table_name(self.collection)}" + (f" INDEXED BY {index[0]}" if index else "")

    def _conditions(self) -> tuple[str, list[object]]:
        fields = [c.field for c in self.where] + [o.field for o in self.order_by]
        parts = [_presence(fields)] if fields else ["TRUE"]
        parameters: list[object] = []
        for condition in self.where:
            sql, values = _comparison(condition)
            parts.append(sql)
            parameters += values
        return " AND ".join(parts), parameters

    def _beyond(self, after: Position) -> tuple[str, list[object]]:
        """Keyset paging; the outer bound on the first column lets SQLite seek in the index."""
        sign = "<" if self.descending else ">"
        sql = f"id {sign} ?"
        parameters: list[object] = [after.id]
        pairs = list(zip(self.sort_columns, self.order_by, after.values, strict=True))
        for column, order, value in reversed(pairs):
            sign = "<" if order.descending else ">"
            sql = f"{column} {sign}= ? AND ({column} {sign} ? OR ({sql}))"
            parameters = [value, value, *parameters]
        return sql, parameters


@dataclass(frozen=True, slots=True)
class Position:
    """Where a page ended: the sort columns' values of its last document, and that document's id."""

    values: tuple[Any, ...]
    id: str

    def to_cursor(self, query: Query) -> str:
        values = [None if value == -inf else value for value in self.values]
        text = json.dumps([query.shape, values, self.id], separators=(",", ":"))
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")

    @classmethod
    def from_cursor(cls, cursor: str, query: Query) -> Position:
        """Raises `BadRequest` for a cursor of another query, or of no query at all."""
        try:
            padded = cursor.encode() + b"=" * (-len(cursor) % 4)
            shape, values, id_ = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
            fits = shape == query.shape and len(values) == len(query.order_by) and isinstance(values, list)
        except (ValueError, TypeError, RecursionError):
            fits = False
        if not fits or not isinstance(id_, str) or not all(map(_is_bindable, [id_, *values])):
            raise BadRequest("the cursor does not belong to this list", {"cursor": "unknown"})
        return cls(tuple(-inf if value is None else value for value in values), id_)


def _is_bindable(value: object) -> bool:
    """Whether SQLite takes a value out of a cursor, which anybody may have written."""
    match value:
        case str():
            return not any("\ud800" <= character <= "\udfff" for character in value)
        case int():
            return -(2**63) <= value < 2**63
    return value is None or (isinstance(value, float) and isfinite(value))


@lru_cache(maxsize=1000)
def _index(
    collection: str, where: tuple[tuple[str, Operator], ...], order_by: tuple[Order, ...]
) -> tuple[str, str] | None:
    fixed = sorted({field for field, op in where if op in ("==", "in")})
    ranged = [Order(field) for field, op in where if op in _RANGES][:1]
    sorts = order_by or tuple(ranged)
    fields = [*fixed, *(order.field for order in sorts)]
    if not fields:
        return None
    # SQLite walks an index both ways: only directions that differ need one of their own.
    turned = bool(sorts) and sorts[0].descending
    columns = [_value(field) for field in fixed]
    columns += [_value(o.field) + _direction(o.descending != turned) for o in sorts]
    ties = order_by[-1].descending if order_by else turned
    columns.append("id" + _direction(ties != turned))
    body = f"{table_name(collection)} ({', '.join(columns)}) WHERE {_presence(fields)}"
    name = f"find_{collection}_{hashlib.sha256(body.encode()).hexdigest()[:12]}"
    return name, f"CREATE INDEX IF NOT EXISTS {name} ON {body}"


def _check(condition: Where) -> None:
    values = list(condition.value) if condition.op == "in" else [condition.value]
    if len(values) > MAX_IN_VALUES:
        raise ValueError(f"`in` takes up to {MAX_IN_VALUES} values")
    if condition.op not in ("==", "in", *_RANGES):
        raise ValueError(f"{condition.op!r} is not an operator")
    if condition.op != "==" and None in values:
        raise ValueError("None can only be compared with ==")
    for value in values:
        _json_types(value)
    _value(condition.field)


def _comparison(condition: Where) -> tuple[str, list[object]]:
    values = list(condition.value) if condition.op == "in" else [condition.value]
    types = sorted({f"'{name}'" for value in values for name in _json_types(value)})
    places = f"({', '.join('?' * len(values))})" if condition.op == "in" else "?"
    sql = f"{_value(condition.field)} {condition.op} {places} AND {_type(condition.field)} IN ({', '.join(types)})"
    return sql, [_bound(value) for value in values]


def _bound(value: object) -> object:
    match value:
        case None:
            return -inf
        case datetime():
            return encode_time(value)
        case str():
            return encode_string(value)
    return value


def _json_types(value: object) -> tuple[str, ...]:
    for type_, names in _JSON_TYPES.items():
        if isinstance(value, type_):
            return names
    raise ValueError(f"a {type(value).__name__} cannot be compared")


@lru_cache(maxsize=1000)
def _value(field: str) -> str:
    return f"ifnull(json_extract(data, '{_path(field)}'), -9e999)"


@lru_cache(maxsize=1000)
def _type(field: str) -> str:
    return f"json_type(data, '{_path(field)}')"


def _presence(fields: Sequence[str]) -> str:
    return " AND ".join(f"{_type(field)} IS NOT NULL" for field in sorted(set(fields)))


def _path(field: str) -> str:
    if not _FIELD.fullmatch(field):
        raise ValueError(f"{field!r} is not a field's name")
    return f"$.{field}"


def _direction(descending: bool) -> str:
    return " DESC" if descending else ""
