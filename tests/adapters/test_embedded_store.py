"""What is particular to documents in SQLite."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from shared.adapters.embedded.codec import decode, encode
from shared.adapters.embedded.engine.database import Database
from shared.adapters.embedded.query import Position, Query
from shared.adapters.embedded.store import SqliteStore
from shared.errors import AlreadyExists, Conflict
from shared.ports.store import Create, Delete, Merge, Order, Ref, Set, Where

ADA = Ref("customers", "ada")


@pytest.fixture
def database() -> Iterator[Database]:
    opened = Database(":memory:")
    yield opened
    opened.close()


@pytest.fixture
def store(database: Database) -> SqliteStore:
    return SqliteStore(database)


def test_already_exists_tells_the_ref_and_the_document(store: SqliteStore) -> None:
    store.commit([Create(ADA, {"name": "Ada"})])

    with pytest.raises(AlreadyExists) as raised:
        store.commit([Set(Ref("customers", "bob"), {}), Create(ADA, {"name": "another"})])

    assert raised.value.ref == ADA
    assert raised.value.document == store.get([ADA])[ADA]


@pytest.mark.parametrize("write", [Set(ADA, {}, "stale"), Merge(ADA, {}, "stale"), Delete(ADA, "stale")])
def test_conflict_tells_the_ref(store: SqliteStore, write: Set | Merge | Delete) -> None:
    with pytest.raises(Conflict) as raised:
        store.commit([write])

    assert raised.value.ref == ADA


def test_documents_in_memory_are_found(store: SqliteStore) -> None:
    store.commit([Create(Ref("messages", id_), {"n": 1}) for id_ in "ab"])

    assert [document.id for document in store.find("messages", [Where("n", "==", 1)]).documents] == ["a", "b"]


def test_documents_are_there_after_reopening(tmp_path: Path) -> None:
    first = SqliteStore(Database(tmp_path))
    first.commit([Create(ADA, {"n": 1})])
    before = first.get([ADA])
    first.close()

    second = SqliteStore(Database(tmp_path))
    assert second.get([ADA]) == before
    assert [document.id for document in second.find("customers", [Where("n", "==", 1)]).documents] == ["ada"]
    second.close()


@pytest.mark.parametrize("name", ["", "x; DROP TABLE doc_customers", "Messages", "a.b", 'a"b', "1st", "a" * 64, "a\n"])
def test_collection_that_must_not_get_into_sql_is_refused(store: SqliteStore, name: str) -> None:
    with pytest.raises(ValueError, match="collection"):
        store.get([Ref(name, "a")])
    with pytest.raises(ValueError, match="collection"):
        store.commit([Set(Ref(name, "a"), {})])
    with pytest.raises(ValueError, match="collection"):
        store.find(name)


@pytest.mark.parametrize(
    "name", ["", "a'b", "a..b", ".a", "a.", "a b", "a[0]", "$", "1st", "a') OR 1=1 --", "ü", "a\n"]
)
def test_field_that_must_not_get_into_sql_is_refused(store: SqliteStore, name: str) -> None:
    with pytest.raises(ValueError, match="field"):
        store.find("messages", [Where(name, "==", 1)])
    with pytest.raises(ValueError, match="field"):
        store.find("messages", [], [Order(name)])
    with pytest.raises(ValueError, match="field"):
        store.count("messages", [Where(name, "==", 1)])


@pytest.mark.parametrize(
    ("where", "order_by", "message"),
    [
        ([Where("n", "in", list(range(31)))], [], "up to 30"),
        ([Where("n", "in", [1, None])], [], "None"),
        ([Where("n", "<", None)], [Order("n")], "None"),
        ([Where("n", "!=", 1)], [], "operator"),  # type: ignore[arg-type]  # what no type checker saw
        ([Where("n", "==", [1])], [], "cannot be compared"),
        ([Where("n", ">", 1)], [], "first in order_by"),
        ([Where("n", ">", 1)], [Order("m"), Order("n")], "first in order_by"),
        ([Where("n", ">", 1), Where("m", ">", 1)], [Order("n")], "only one"),
        ([Where("n", "==", datetime(2024, 1, 1))], [], "time zone"),  # noqa: DTZ001  what is to be refused
    ],
)
def test_query_that_the_port_does_not_allow_is_refused(
    store: SqliteStore, where: list[Where], order_by: list[Order], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        store.find("messages", where, order_by)


def test_page_without_documents_is_refused(store: SqliteStore) -> None:
    with pytest.raises(ValueError, match="at least one"):
        store.find("messages", limit=0)


@pytest.mark.parametrize("value", [b"bytes", {1, 2}, object(), datetime(2024, 1, 1)])  # noqa: DTZ001  is to be refused
def test_value_that_cannot_be_stored_is_refused_and_nothing_is_written(store: SqliteStore, value: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        store.commit([Set(ADA, {"n": 1}), Set(Ref("customers", "bob"), {"deep": [{"value": value}]})])

    assert store.get([ADA]) == {}


def plan(database: Database, query: Query, after: Position | None = None) -> list[str]:
    sql, parameters = query.page_sql(10, after)
    return [row[-1] for row in database.read(f"EXPLAIN QUERY PLAN {sql}", parameters)]


@pytest.mark.parametrize("descending", [False, True])
def test_later_page_is_sought_in_the_index(database: Database, store: SqliteStore, descending: bool) -> None:
    query = Query("messages", (Where("to.id", "==", "x"),), (Order("at", descending),))
    store.find("messages", query.where, query.order_by)

    (step,) = plan(database, query, Position(("2024",), "m"))

    assert step.startswith("SEARCH doc_messages USING INDEX find_messages_")
    assert step.count("<expr>") == 2


def test_both_directions_share_one_index(database: Database, store: SqliteStore) -> None:
    for descending in (False, True):
        store.find("messages", [Where("x", "==", 1)], [Order("n", descending), Order("m", descending)])
    store.count("messages", [Where("x", "in", [2, 3])])
    store.find("messages", [Where("x", "==", 1), Where("n", "<", 3)], [Order("n")])
    store.find("messages", [Where("x", "in", [1, 2]), Where("n", ">", 3)], [Order("n", descending=True)])

    indexes = database.read("SELECT name FROM sqlite_master WHERE type = 'index' AND name LIKE 'find_messages_%'")

    assert len(indexes) == 3  # x+n+m, x, x+n


def test_query_whose_index_is_gone_fails_instead_of_walking_through_the_table(
    database: Database, store: SqliteStore
) -> None:
    query = Query("messages", (Where("n", "==", 1),), ())
    store.find("messages", query.where)
    index = query.index()
    assert index is not None
    database.write(lambda connection: connection.execute(f"DROP INDEX {index[0]}"))

    with pytest.raises(Exception, match="no such index"):
        store.find("messages", query.where)


@pytest.mark.parametrize(
    "value", ["\x01", "\x01s", "\x012024", "a\x01", float("inf"), float("-inf"), [["\x01f1"]], {"\x01k": "\x01v"}]
)
def test_what_looks_like_an_escape_is_escaped(value: Any) -> None:
    now = datetime(2024, 5, 1, tzinfo=UTC)

    assert decode(encode(value, now)) == value


def test_an_index_has_the_same_name_in_every_process() -> None:
    equal = [Where(field, "==", 1) for field in ("tenant_id", "status", "kind", "open", "channel", "assignee")]
    query = Query("conversations", tuple(equal), (Order("created_at"),))
    index = query.index()
    assert index is not None
    # Under another name it would be made anew, and the former one would stay.
    assert index[0] == "find_conversations_5e9da86e5096"
