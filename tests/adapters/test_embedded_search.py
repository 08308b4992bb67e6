"""The search index of a file that an older hub has written."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from shared.adapters.embedded.engine.database import Database
from shared.adapters.embedded.search import SqliteSearch
from shared.adapters.embedded.store import SqliteStore
from shared.ports.search import Kind
from shared.ports.store import Create, Merge, Ref


def _written_before_there_was_an_index(directory: Path) -> None:
    with closing(SqliteStore(Database(directory))) as store:
        store.commit([Create(Ref("messages", "m1"), {"id": "m1", "tenant_id": "t1", "text": "hello"})])
        store.commit([Create(Ref("messages", "alias"), {"alias_of": "m1"})])
    with closing(sqlite3.connect(directory / "hub.db")) as connection:
        names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for (name,) in names:
            connection.execute(f"DROP TRIGGER {name}")
        for table in ("search_index", "search_rows"):
            connection.execute(f"DROP TABLE {table}")
        connection.commit()


def test_what_there_is_already_is_indexed_once_and_kept_up_to_date(tmp_path: Path) -> None:
    _written_before_there_was_an_index(tmp_path)
    for _ in range(2):
        database = Database(tmp_path)
        with closing(SqliteStore(database)):
            assert SqliteSearch(database).find("t1", Kind.MESSAGE, ["hello"], 10).ids == ["m1"]
    database = Database(tmp_path)
    with closing(SqliteStore(database)) as store:
        store.commit([Merge(Ref("messages", "m1"), {"text": "goodbye"})])
        search = SqliteSearch(database)
        assert search.find("t1", Kind.MESSAGE, ["hello"], 10).ids == []
        assert search.find("t1", Kind.MESSAGE, ["goodbye"], 10).ids == ["m1"]
