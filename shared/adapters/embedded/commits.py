"""Commits of documents, as many as wait at once: decided over what is there, then written in few statements.

Nothing is written before everything is decided, so a commit that is refused
leaves nothing behind; and each statement lets other threads of the hub run, of
which one for every document would be too many.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from random import Random
from typing import TypeAlias

from shared.adapters.embedded import rows
from shared.adapters.embedded.codec import decode_document, dumps, encode, loads, merged
from shared.adapters.embedded.query import table_name
from shared.errors import AlreadyExists, Conflict
from shared.ports.store import Create, Delete, Document, Merge, Ref, Set, Write

# Of its own: what draws from the source that all code shares, beside a property test, makes that test fail.
_chance = Random()  # noqa: S311 - no secret is made of it
os.register_at_fork(after_in_child=_chance.seed)

Row: TypeAlias = tuple[str, str]
"""A document's version and text."""


def commit_all(connection: sqlite3.Connection, commits: Sequence[Sequence[Write]]) -> list[Exception | None]:
    """Carry out each commit or refuse it, in their order; tells for each why it was refused, or None."""
    present = _read(connection, {write.ref for writes in commits for write in writes if _depends(write)})
    changed: dict[Ref, Row | None] = {}
    outcomes: list[Exception | None] = []
    for writes in commits:
        try:
            changes = _decided(writes, present)
        except Exception as error:  # noqa: BLE001  whatever it is belongs to the caller, the others go on
            outcomes.append(error)
        else:
            present |= changes
            changed |= changes
            outcomes.append(None)
    _write(connection, changed)
    return outcomes


def _depends(write: Write) -> bool:
    """Whether what is there matters."""
    return isinstance(write, Create | Merge) or write.version is not None


def _decided(writes: Sequence[Write], present: Mapping[Ref, Row | None]) -> dict[Ref, Row | None]:
    """The rows after a commit, None where there is none; raises `Conflict` or `AlreadyExists`."""
    now = datetime.now(UTC)
    # No secret, and the system's randomness would let go of the interpreter's lock for every commit.
    version = f"{_chance.getrandbits(64):016x}"
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
            _expect(ref, row, version)
            return dumps(encode(data, now))
        case Merge(ref, data, version):
            _expect(ref, row, version)
            return dumps(merged(loads(row[1]) if row else {}, data, now))
        case Delete(ref, version):
            _expect(ref, row, version)
            return None


def _expect(ref: Ref, row: Row | None, version: str | None) -> None:
    if version is not None and (row is None or row[0] != version):
        raise Conflict(ref)


def _read(connection: sqlite3.Connection, refs: Iterable[Ref]) -> dict[Ref, Row | None]:
    found: dict[Ref, Row | None] = {}
    for collection, ids in _by_collection(refs).items():
        sql = (
            f"SELECT id, version, data FROM {table_name(collection)} "  # noqa: S608  a checked name
            "WHERE id IN (SELECT value FROM json_each(?))"
        )
        for id_, version, text in connection.execute(sql, (json.dumps(ids),)).fetchall():
            found[Ref(collection, id_)] = (version, text)
    return found


def _write(connection: sqlite3.Connection, changed: Mapping[Ref, Row | None]) -> None:
    for collection, ids in _by_collection(changed).items():
        table = table_name(collection)
        kept = [(id_, *row) for id_ in ids if (row := changed[Ref(collection, id_)]) is not None]
        rows.insert(
            connection,
            table,
            kept,
            "ON CONFLICT (id) DO UPDATE SET version = excluded.version, data = excluded.data",
        )
        gone = [id_ for id_ in ids if changed[Ref(collection, id_)] is None]
        if gone:
            removal = f"DELETE FROM {table} WHERE id IN (SELECT value FROM json_each(?))"  # noqa: S608  a checked name
            connection.execute(removal, (json.dumps(gone),))


def _by_collection(refs: Iterable[Ref]) -> dict[str, list[str]]:
    ids: dict[str, list[str]] = {}
    for ref in refs:
        ids.setdefault(ref.collection, []).append(ref.id)
    return ids
