"""The document store over SQLite: one table per collection, a row per document, its fields as JSON."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from functools import partial

from shared.adapters.embedded import search
from shared.adapters.embedded.codec import decode_document, dumps
from shared.adapters.embedded.engine.commits import commit_together
from shared.adapters.embedded.engine.database import Database
from shared.adapters.embedded.query import Position, Query, create_table, table_name
from shared.adapters.rules import is_addressable
from shared.errors import BadRequest
from shared.ports.store import Document, Order, Page, Ref, Where, Write


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
        parameters = [dumps(ids[collection]) for collection in sorted(ids)]
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

    def count(self, collection: str, where: Sequence[Where] = (), up_to: int | None = None) -> int:
        query = Query(collection, tuple(where), ())
        sql, parameters = query.count_sql(up_to)
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
            self._table(write.ref.collection)
        self._database.write_together(commit_together, writes)

    def scrub(self) -> None:
        self._database.write_until_done(search.forget_deleted_words)
        self._database.scrub()

    def close(self) -> None:
        self._database.close()

    def _table(self, collection: str) -> str:
        table = table_name(collection)
        if table not in self._made:
            self._database.write(partial(_make_table, collection=collection))
            self._made.add(table)
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


def _make_table(connection: sqlite3.Connection, collection: str) -> None:
    connection.execute(create_table(collection))
    search.prepare(connection, collection)


def _select_by_id(table: str, collection: str) -> str:
    return (
        f"SELECT '{collection}', id, version, data FROM {table} "  # noqa: S608  checked names
        "WHERE id IN (SELECT value FROM json_each(?))"
    )


def _document(ref: Ref, version: str, text: str) -> Document:
    return Document(ref, version, decode_document(text))
