"""The search index in SQLite: FTS5, kept by triggers on the tables of what can be searched.

A trigger runs in the transaction that changes a document, and writes down that it is to be indexed. That is done for
many at once, which takes FTS5 a third of the time: by who searches, before they look, and else every second. The words
of a document are cut by `search_words` and handed to FTS5 with blanks between: of the scripts of the world SQLite's own
tokenizers know few.
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
MOST_AT_ONCE = 500
"""Documents that are indexed in one transaction, which takes about ten milliseconds."""

_MERGED_PAGES = 500
_LEAST_CHANGES = 2

_INDEX = (
    "CREATE TABLE IF NOT EXISTS search_rows (id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, "
    "document TEXT NOT NULL, scope TEXT NOT NULL, words TEXT NOT NULL, UNIQUE (kind, document))",
    "CREATE TABLE IF NOT EXISTS search_pending (id INTEGER PRIMARY KEY, kind TEXT NOT NULL, document TEXT NOT NULL)",
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
    for statement in _INDEX:
        connection.execute(statement)
    table, trigger = table_name(kind), f"{table_name(kind)}_pending"
    if connection.execute("SELECT 1 FROM sqlite_master WHERE type = 'trigger' AND name = ?", (trigger,)).fetchone():
        return
    for ending in ("searched", "searched_anew", "searched_no_more"):  # of a former version, which indexed at once
        connection.execute(f"DROP TRIGGER IF EXISTS {table}_{ending}")
    connection.execute(f"INSERT INTO search_pending (kind, document) SELECT '{kind}', id FROM {table}")  # noqa: S608  checked names
    for statement in _triggers(kind, trigger):
        connection.execute(statement)


def index_pending(connection: sqlite3.Connection) -> None:
    """Index what waits longest, up to `MOST_AT_ONCE` documents."""
    table = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'search_pending'"
    if connection.execute(table).fetchone() is None:
        return
    last = connection.execute(
        "SELECT max(id) FROM (SELECT id FROM search_pending ORDER BY id LIMIT ?)", (MOST_AT_ONCE,)
    ).fetchone()[0]
    if last is None:
        return
    connection.create_function("search_words_of", 1, _words_of, deterministic=True)
    connection.create_function("search_scope_of", 2, _scope, deterministic=True)
    for (kind,) in connection.execute("SELECT DISTINCT kind FROM search_pending WHERE id <= ?", (last,)).fetchall():
        connection.execute(_addition(Kind(kind)), (kind, last))
    connection.execute("DELETE FROM search_pending WHERE id <= ?", (last,))


def forget_deleted_words(connection: sqlite3.Connection) -> bool:
    """Take some words out of the index that only deleted documents have; returns whether there may be more.

    FTS5 only notes what was deleted, until it merges the parts of its index.
    """
    index_pending(connection)
    table = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'search_index'"
    if connection.execute(table).fetchone() is None:
        return False
    connection.execute("INSERT INTO search_index (search_index, rank) VALUES ('merge', ?)", (-_MERGED_PAGES,))
    former = connection.total_changes
    connection.execute("INSERT INTO search_index (search_index, rank) VALUES ('merge', ?)", (_MERGED_PAGES,))
    # SQLite's own sign that there was nothing to do: https://www.sqlite.org/fts5.html#the_merge_command
    return connection.total_changes - former >= _LEAST_CHANGES


def _triggers(kind: Kind, name: str) -> list[str]:
    table = table_name(kind)
    addition = f"INSERT INTO search_pending (kind, document) VALUES ('{kind}', new.id);"  # noqa: S608  checked names
    removal = f"DELETE FROM search_rows WHERE kind = '{kind}' AND document = old.id;"  # noqa: S608  checked names
    is_changed = f"{_texts(kind, 'new')} IS NOT {_texts(kind, 'old')}"
    return [
        f"CREATE TRIGGER {name} AFTER INSERT ON {table} BEGIN {addition} END",
        f"CREATE TRIGGER {name}_anew AFTER UPDATE OF data ON {table} WHEN {is_changed} BEGIN {removal} {addition} END",
        f"CREATE TRIGGER {name}_no_more AFTER DELETE ON {table} BEGIN {removal} END",
    ]


def _addition(kind: Kind) -> str:
    """SQL that indexes the documents of a kind that wait, as they are now; the parameters are the kind and the last.

    What has changed since it was indexed is in the index no more; what waits twice is indexed once.
    """
    scope = f"search_scope_of(json_extract(present.data, '$.tenant_id'), '{kind}')"
    values = f"'{kind}', present.id, {scope}, search_words_of({_texts(kind, 'present')})"
    waiting = f"search_pending JOIN {table_name(kind)} AS present ON present.id = search_pending.document"
    return (
        f"INSERT OR IGNORE INTO search_rows (kind, document, scope, words) SELECT {values} FROM {waiting} "  # noqa: S608  checked names
        f"WHERE search_pending.kind = ? AND search_pending.id <= ? AND {_has_text(kind, 'present')} "
        "ORDER BY search_pending.id"
    )


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
        while self._database.read("SELECT 1 FROM search_pending LIMIT 1"):
            self._database.write(index_pending)
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
