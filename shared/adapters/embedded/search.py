"""The search index in SQLite: FTS5, kept by triggers on the tables of what can be searched.

A trigger runs in the transaction that changes a document. It has the words of the document cut by `search_words`
and hands them to FTS5 with blanks between: of the scripts of the world SQLite's own tokenizers know few.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Sequence
from functools import partial

import orjson

from shared.adapters.embedded.engine.database import Database
from shared.adapters.embedded.query import create_table, table_name
from shared.domain.search_words import LEAST_PREFIX, is_whole_word, numbers, words_of
from shared.errors import BadRequest
from shared.ports.search import FIELDS, Hits, Kind

_LARGEST_ROW = 2**63 - 1

_INDEX = (
    "CREATE TABLE IF NOT EXISTS search_rows (id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, "
    "document TEXT NOT NULL, scope TEXT NOT NULL, words TEXT NOT NULL, UNIQUE (kind, document))",
    # With this tokenizer all characters beyond ASCII belong to words, and of ASCII letters and digits.
    "CREATE VIRTUAL TABLE IF NOT EXISTS search_index USING fts5 "
    "(scope, words, content = 'search_rows', content_rowid = 'id', tokenize = 'ascii')",
    "CREATE TRIGGER IF NOT EXISTS search_rows_added AFTER INSERT ON search_rows BEGIN "
    "INSERT INTO search_index (rowid, scope, words) VALUES (new.id, new.scope, new.words); END",
    "CREATE TRIGGER IF NOT EXISTS search_rows_removed AFTER DELETE ON search_rows BEGIN "
    "INSERT INTO search_index (search_index, rowid, scope, words) VALUES ('delete', old.id, old.scope, old.words); END",
)


def prepare(connection: sqlite3.Connection, collection: str) -> None:
    """Have a collection's table kept in the index, if it can be searched; what it holds already is indexed first.

    Every process does so before it writes to the table: the triggers call functions of the writer's connection.
    """
    if collection not in set(Kind):
        return
    kind = Kind(collection)
    connection.create_function("search_words_of", 1, _words_of, deterministic=True)
    connection.create_function("search_scope_of", 2, _scope, deterministic=True)
    for statement in _INDEX:
        connection.execute(statement)
    trigger = f"{table_name(kind)}_searched"
    if connection.execute("SELECT 1 FROM sqlite_master WHERE type = 'trigger' AND name = ?", (trigger,)).fetchone():
        return
    connection.execute(
        f"{_addition(kind, 'present')} FROM {table_name(kind)} AS present WHERE {_has_text(kind, 'present')}"
    )
    for statement in _triggers(kind, trigger):
        connection.execute(statement)


def _triggers(kind: Kind, name: str) -> list[str]:
    table, addition = table_name(kind), f"{_addition(kind, 'new')} WHERE {_has_text(kind, 'new')};"
    removal = f"DELETE FROM search_rows WHERE kind = '{kind}' AND document = old.id;"  # noqa: S608  checked names
    is_changed = f"{_texts(kind, 'new')} IS NOT {_texts(kind, 'old')}"
    return [
        f"CREATE TRIGGER {name} AFTER INSERT ON {table} BEGIN {addition} END",
        f"CREATE TRIGGER {name}_anew AFTER UPDATE OF data ON {table} WHEN {is_changed} BEGIN {removal} {addition} END",
        f"CREATE TRIGGER {name}_no_more AFTER DELETE ON {table} BEGIN {removal} END",
    ]


def _addition(kind: Kind, row: str) -> str:
    scope = f"search_scope_of(json_extract({row}.data, '$.tenant_id'), '{kind}')"
    values = f"'{kind}', {row}.id, {scope}, search_words_of({_texts(kind, row)})"
    return f"INSERT INTO search_rows (kind, document, scope, words) SELECT {values}"


def _has_text(kind: Kind, row: str) -> str:
    """SQL for whether a row has something to find: beside messages lie other names of them, and blocked ones hide."""
    if kind is not Kind.MESSAGE:
        return "true"
    return f"json_extract({row}.data, '$.text') <> '' AND NOT coalesce(json_extract({row}.data, '$.blocked'), 0)"


def _texts(kind: Kind, row: str) -> str:
    """SQL for the searched fields of a row, as a JSON array."""
    paths = ", ".join(f"'$.{field}'" for field in FIELDS[kind])
    return f"json_extract({row}.data, {paths}, '$.blocked')"


def _words_of(texts: str) -> str:
    present = [text for text in orjson.loads(texts) if isinstance(text, str)]
    return " ".join(word for text in present for word in [*words_of(text), *numbers(text)])


def _scope(tenant_id: str, kind: str) -> str:
    """The word that all entries of a tenant and kind have in a column of its own."""
    return hashlib.blake2b(f"{kind}\0{tenant_id}".encode(), digest_size=12).hexdigest()


class SqliteSearch:
    """`Search` over the database of a `SqliteStore`, whose tables keep the index."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._is_prepared = False

    def find(self, tenant_id: str, kind: Kind, terms: Sequence[str], limit: int, cursor: str | None = None) -> Hits:
        before = _row_before(cursor)
        if not terms:
            return Hits([])
        self._prepare()
        sql = (
            "SELECT search_index.rowid, (SELECT document FROM search_rows WHERE id = search_index.rowid) "
            "FROM search_index WHERE search_index MATCH ? AND rowid < ? ORDER BY rowid DESC LIMIT ?"
        )
        match = f'(scope : "{_scope(tenant_id, kind)}") AND (words : ({_expression(terms)}))'
        rows = self._database.read(sql, (match, before, limit + 1))
        has_more = len(rows) > limit
        return Hits([document for _, document in rows[:limit]], str(rows[limit - 1][0]) if has_more else None)

    def _prepare(self) -> None:
        if self._is_prepared:
            return
        for kind in Kind:
            self._database.write(partial(_prepare_table, kind=kind))
        self._is_prepared = True


def _prepare_table(connection: sqlite3.Connection, kind: Kind) -> None:
    connection.execute(create_table(kind))
    prepare(connection, kind)


def _expression(terms: Sequence[str]) -> str:
    """A query in FTS5's words; quoted, nothing in it is an operator. Neighbours in a script without blanks stay so."""
    phrases: list[list[str]] = []
    for term in terms:
        if phrases and is_whole_word(term) and is_whole_word(phrases[-1][-1]):
            phrases[-1].append(term)
        else:
            phrases.append([term])
    beginning = " *" if len(terms[-1]) >= LEAST_PREFIX and not is_whole_word(terms[-1]) else ""
    return " AND ".join(f'"{" ".join(phrase)}"' for phrase in phrases) + beginning


def _row_before(cursor: str | None) -> int:
    if cursor is None:
        return _LARGEST_ROW
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) <= 18):
        raise BadRequest("the cursor does not belong to this list", {"cursor": "unknown"})
    return int(cursor)
