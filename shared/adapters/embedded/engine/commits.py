"""All waiting commits of documents together: one read, decisions in memory, then few statements.

Nothing is written before all commits are decided, so none has to be undone.
Every statement releases the interpreter's lock, and one per document would
cost more time in hand-overs between threads than in SQLite.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TypeAlias

from shared import pseudorandom
from shared.adapters.embedded.codec import decode_document, dumps, encode, loads, merged
from shared.adapters.embedded.engine.bulk_insert import insert_rows
from shared.adapters.embedded.query import table_name
from shared.errors import AlreadyExists, Conflict
from shared.ports.store import Create, Delete, Document, Merge, Ref, Set, Write

Row: TypeAlias = tuple[str, str]
"""A document's version and text."""


def commit_together(connection: sqlite3.Connection, commits: Sequence[Sequence[Write]]) -> list[Exception | None]:
    """Apply or refuse each commit, in order; returns for each the error that refused it, or None."""
    present = _read(connection, {write.ref for writes in commits for write in writes if _reads_document(write)})
    changed: dict[Ref, Row | None] = {}
    outcomes: list[Exception | None] = []
    for writes in commits:
        try:
            changes = _apply(writes, present)
        except Exception as error:  # noqa: BLE001  it belongs to this caller alone
            outcomes.append(error)
        else:
            present |= changes
            changed |= changes
            outcomes.append(None)
    _write(connection, changed)
    return outcomes


def _reads_document(write: Write) -> bool:
    """Whether the result of the write depends on the present document."""
    return isinstance(write, Create | Merge) or write.version is not None


def _apply(writes: Sequence[Write], present: Mapping[Ref, Row | None]) -> dict[Ref, Row | None]:
    """The rows after a commit, None where there is none; raises `Conflict` or `AlreadyExists`."""
    now = datetime.now(UTC)
    version = pseudorandom.hex_digits(64)
    changes: dict[Ref, Row | None] = {}
    for write in writes:
        row = changes[write.ref] if write.ref in changes else present.get(write.ref)
        text = _text(write, row, now)
        changes[write.ref] = None if text is None else (version, text)
    return changes


def _text(write: Write, row: Row | None, now: datetime) -> str | None:
    match write:
        case Create(ref, data):
            if row is not None:
                raise AlreadyExists(ref, Document(ref, row[0], decode_document(row[1])))
            return dumps(encode(data, now))
        case Set(ref, data, version):
            _check_version(ref, row, version)
            return dumps(encode(data, now))
        case Merge(ref, data, version):
            _check_version(ref, row, version)
            return dumps(merged(loads(row[1]) if row else {}, data, now))
        case Delete(ref, version):
            _check_version(ref, row, version)
            return None


def _check_version(ref: Ref, row: Row | None, version: str | None) -> None:
    if version is not None and (row is None or row[0] != version):
        raise Conflict(ref)


def _read(connection: sqlite3.Connection, refs: Iterable[Ref]) -> dict[Ref, Row | None]:
    present: dict[Ref, Row | None] = {}
    for collection, ids in _by_collection(refs).items():
        sql = (
            f"SELECT id, version, data FROM {table_name(collection)} "  # noqa: S608  a checked name
            "WHERE id IN (SELECT value FROM json_each(?))"
        )
        for id_, version, text in connection.execute(sql, (dumps(ids),)).fetchall():
            present[Ref(collection, id_)] = (version, text)
    return present


def _write(connection: sqlite3.Connection, changed: Mapping[Ref, Row | None]) -> None:
    for collection, ids in _by_collection(changed).items():
        table = table_name(collection)
        upserts = [(id_, *row) for id_ in ids if (row := changed[Ref(collection, id_)]) is not None]
        insert_rows(
            connection,
            table,
            upserts,
            "ON CONFLICT (id) DO UPDATE SET version = excluded.version, data = excluded.data",
        )
        deleted_ids = [id_ for id_ in ids if changed[Ref(collection, id_)] is None]
        if deleted_ids:
            removal = f"DELETE FROM {table} WHERE id IN (SELECT value FROM json_each(?))"  # noqa: S608  a checked name
            connection.execute(removal, (dumps(deleted_ids),))


def _by_collection(refs: Iterable[Ref]) -> dict[str, list[str]]:
    ids: dict[str, list[str]] = {}
    for ref in refs:
        ids.setdefault(ref.collection, []).append(ref.id)
    return ids
