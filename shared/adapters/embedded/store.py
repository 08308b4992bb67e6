"""The document store over SQLite: one table per collection, a row per document, its fields as JSON."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from random import Random
from typing import Any

from shared.adapters.embedded.codec import decode_document, dumps, encode, loads, merged
from shared.adapters.embedded.database import Database
from shared.adapters.embedded.query import Position, Query, table_name
from shared.adapters.rules import is_addressable
from shared.errors import AlreadyExists, BadRequest, Conflict
from shared.ports.store import Create, Delete, Document, Merge, Order, Page, Ref, Set, Where, Write

# Of its own: what draws from the source that all code shares, beside a property test, makes that test fail.
_chance = Random()  # noqa: S311 - no secret is made of it


class SqliteStore:
    """`Store` over a `Database`, which it closes with itself."""

    def __init__(self, database: Database) -> None:
        self._database = database
        # Names of tables and indexes known to exist; DDL is never undone, so this only grows.
        self._made: set[str] = set()

    def get(self, refs: Sequence[Ref]) -> dict[Ref, Document]:
        ids: dict[str, list[str]] = {}
        for ref in refs:
            if is_addressable(ref.id):
                ids.setdefault(ref.collection, []).append(ref.id)
        if not ids:
            return {}
        parameters = [json.dumps(ids[collection]) for collection in sorted(ids)]
        selects = [_select_by_id(self._table(collection), collection) for collection in sorted(ids)]
        rows = self._database.read(" UNION ALL ".join(selects), parameters)
        documents = (_document(Ref(collection, id_), version, data) for collection, id_, version, data in rows)
        return {document.ref: document for document in documents}

    def find(
        self,
        collection: str,
        where: Sequence[Where] = (),
        order_by: Sequence[Order] = (),
        limit: int = 100,
        cursor: str | None = None,
    ) -> Page:
        if limit < 1:
            raise ValueError("a page has at least one document")
        query = Query(collection, tuple(where), tuple(order_by))
        after = Position.from_cursor(cursor, query) if cursor is not None else None
        sql, parameters = query.page_sql(limit + 1, after)
        if query.hopeless:
            return Page()
        self._serve(query)
        rows = self._database.read(sql, parameters)
        documents = [_document(Ref(collection, row[0]), row[1], row[2]) for row in rows[:limit]]
        if len(rows) <= limit:
            return Page(documents)
        last = rows[limit - 1]
        return Page(documents, Position(tuple(last[3:]), last[0]).to_cursor(query))

    def count(self, collection: str, where: Sequence[Where] = ()) -> int:
        query = Query(collection, tuple(where), ())
        sql, parameters = query.count_sql()
        if query.hopeless:
            return 0
        self._serve(query)
        counted: int = self._database.read(sql, parameters)[0][0]
        return counted

    def commit(self, writes: Sequence[Write]) -> None:
        if not writes:
            return
        for write in writes:
            if not is_addressable(write.ref.id):
                raise BadRequest(f"{write.ref.id[:100]!r} cannot be a document's id in {write.ref.collection}")
        plan = [(self._table(write.ref.collection), write) for write in writes]

        def job(connection: sqlite3.Connection) -> None:
            commit = _Commit(connection)
            for table, write in plan:
                commit.carry_out(table, write)

        self._database.write(job)

    def close(self) -> None:
        self._database.close()

    def _table(self, collection: str) -> str:
        table = table_name(collection)
        columns = "id TEXT NOT NULL PRIMARY KEY, version TEXT NOT NULL, data TEXT NOT NULL"
        self._make(table, f"CREATE TABLE IF NOT EXISTS {table} ({columns})")
        return table

    def _serve(self, query: Query) -> None:
        self._table(query.collection)
        index = query.index()
        if index is not None:
            self._make(*index)

    def _make(self, name: str, ddl: str) -> None:
        if name not in self._made:
            self._database.write(lambda connection: connection.execute(ddl))
            self._made.add(name)


class _Commit:
    """One commit under way: its clock and the version that its documents get."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._now = datetime.now(UTC)
        # No secret, and the system's randomness would let go of the interpreter's lock for every commit.
        self._version = f"{_chance.getrandbits(64):016x}"

    def carry_out(self, table: str, write: Write) -> None:
        match write:
            case Create(ref, data):
                self._create(table, ref, data)
            case Set(ref, data, None):
                self._put(table, ref.id, self._json(data))
            case Set(ref, data, version):
                changes = f"UPDATE {table} SET version = ?, data = ? WHERE id = ? AND version = ?"  # noqa: S608  a checked name
                self._expect_one(ref, changes, (self._version, self._json(data), ref.id, version))
            case Merge(ref, data, version):
                self._merge(table, ref, data, version)
            case Delete(ref, None):
                self._connection.execute(f"DELETE FROM {table} WHERE id = ?", (ref.id,))  # noqa: S608  a checked name
            case Delete(ref, version):
                removal = f"DELETE FROM {table} WHERE id = ? AND version = ?"  # noqa: S608  a checked name
                self._expect_one(ref, removal, (ref.id, version))

    def _create(self, table: str, ref: Ref, data: Mapping[str, Any]) -> None:
        insertion = f"INSERT INTO {table} VALUES (?, ?, ?) ON CONFLICT DO NOTHING"  # noqa: S608  a checked name
        row = (ref.id, self._version, self._json(data))
        if self._connection.execute(insertion, row).rowcount == 0:
            version, text = self._row(table, ref) or ("", "{}")
            raise AlreadyExists(ref, _document(ref, version, text))

    def _merge(self, table: str, ref: Ref, data: Mapping[str, Any], version: str | None) -> None:
        present = self._row(table, ref)
        if version is not None and (present is None or present[0] != version):
            raise Conflict(ref)
        fields = loads(present[1]) if present else {}
        self._put(table, ref.id, dumps(merged(fields, data, self._now)))

    def _row(self, table: str, ref: Ref) -> tuple[str, str] | None:
        selection = f"SELECT version, data FROM {table} WHERE id = ?"  # noqa: S608  a checked name
        row: tuple[str, str] | None = self._connection.execute(selection, (ref.id,)).fetchone()
        return row

    def _put(self, table: str, id_: str, text: str) -> None:
        self._connection.execute(
            f"INSERT INTO {table} VALUES (?, ?, ?) "  # noqa: S608  a checked name
            "ON CONFLICT (id) DO UPDATE SET version = excluded.version, data = excluded.data",
            (id_, self._version, text),
        )

    def _expect_one(self, ref: Ref, sql: str, parameters: tuple[object, ...]) -> None:
        if self._connection.execute(sql, parameters).rowcount == 0:
            raise Conflict(ref)

    def _json(self, data: Mapping[str, Any]) -> str:
        return dumps(encode(data, self._now))


def _select_by_id(table: str, collection: str) -> str:
    return (
        f"SELECT '{collection}', id, version, data FROM {table} "  # noqa: S608  checked names
        "WHERE id IN (SELECT value FROM json_each(?))"
    )


def _document(ref: Ref, version: str, text: str) -> Document:
    return Document(ref, version, decode_document(text))
