"""What every `Store` promises about reading and committing; its siblings have values, queries and pages."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from shared.errors import AlreadyExists, BadRequest, Conflict
from shared.ports.store import Create, Delete, Increment, Merge, Ref, Set, Store, Write
from tests.adapters.documents import ADA, BOB, read, version


def test_created_document_is_read_back_with_its_ref_and_a_version(store: Store) -> None:
    store.commit([Create(ADA, {"name": "Ada"})])

    document = store.get([ADA])[ADA]

    assert (document.ref, document.id, document.data) == (ADA, "ada", {"name": "Ada"})
    assert document.version


def test_get_returns_many_across_collections_and_leaves_out_absent_ones(store: Store) -> None:
    message = Ref("messages", "ada")
    store.commit([Create(ADA, {"n": 1}), Create(message, {"n": 2})])

    documents = store.get([ADA, BOB, message, ADA])

    assert {ref: document.data for ref, document in documents.items()} == {ADA: {"n": 1}, message: {"n": 2}}


def test_get_of_nothing_is_empty(store: Store) -> None:
    assert store.get([]) == {}


@pytest.mark.parametrize("id_", ["", ".", "..", "__id__", "a/b", "a\x00b", "\ud83d", "x" * 1501])
def test_id_that_a_backend_cannot_hold_is_absent_and_refused_for_writing(store: Store, id_: str) -> None:
    ref = Ref("customers", id_)

    assert store.get([ref]) == {}
    with pytest.raises(BadRequest):
        store.commit([Set(ref, {"n": 1})])


@pytest.mark.parametrize("id_", ["telegram:-100200", "a@b.de", "ünï-codé 👍", "50%", "x" * 1500, "a b"])
def test_ids_may_be_anything_else(store: Store, id_: str) -> None:
    ref = Ref("customers", id_)

    store.commit([Create(ref, {"n": 1})])

    assert read(store, ref) == {"n": 1}


def test_commit_of_several_documents_is_carried_out_as_one(store: Store) -> None:
    store.commit([Create(ADA, {"n": 1}), Set(BOB, {"n": 2}), Merge(Ref("stats", "s"), {"n": Increment(1)})])

    assert (read(store, ADA), read(store, BOB), read(store, Ref("stats", "s"))) == ({"n": 1}, {"n": 2}, {"n": 1})


@pytest.mark.parametrize(
    ("failing", "error"),
    [
        (Create(BOB, {"n": 9}), AlreadyExists),
        (Set(BOB, {"n": 9}, version="2001-01-01T00:00:00Z"), Conflict),
        (Merge(BOB, {"n": 9}, version="2001-01-01T00:00:00Z"), Conflict),
        (Delete(BOB, version="2001-01-01T00:00:00Z"), Conflict),
    ],
)
def test_one_failing_write_undoes_all_of_its_commit(store: Store, failing: Write, error: type[Exception]) -> None:
    store.commit([Create(BOB, {"n": 1})])

    with pytest.raises(error):
        store.commit([Create(ADA, {"n": 1}), failing, Merge(Ref("stats", "s"), {"n": Increment(1)})])

    assert (read(store, ADA), read(store, BOB), read(store, Ref("stats", "s"))) == (None, {"n": 1}, None)


def test_creating_what_exists_raises_already_exists(store: Store) -> None:
    store.commit([Create(ADA, {"name": "Ada"})])

    with pytest.raises(AlreadyExists) as raised:
        store.commit([Create(ADA, {"name": "another"})])

    assert raised.value.ref in (ADA, None)
    assert raised.value.document is None or raised.value.document.data == {"name": "Ada"}
    assert read(store, ADA) == {"name": "Ada"}


def test_version_changes_with_every_change(store: Store) -> None:
    versions = []
    for number in range(3):
        store.commit([Set(ADA, {"n": number})])
        versions.append(version(store, ADA))
    store.commit([Merge(ADA, {"m": 1})])
    versions.append(version(store, ADA))

    assert len(set(versions)) == 4


def test_writes_with_the_current_version_succeed(store: Store) -> None:
    store.commit([Create(ADA, {"n": 1})])
    store.commit([Set(ADA, {"n": 2}, version(store, ADA))])
    store.commit([Merge(ADA, {"m": 3}, version(store, ADA))])
    assert read(store, ADA) == {"n": 2, "m": 3}

    store.commit([Delete(ADA, version(store, ADA))])
    assert read(store, ADA) is None


def stale_writes(stale: str) -> list[Write]:
    return [Set(ADA, {"n": 9}, stale), Merge(ADA, {"n": 9}, stale), Delete(ADA, stale)]


@pytest.mark.parametrize("kind", [0, 1, 2], ids=["set", "merge", "delete"])
def test_stale_version_raises_conflict(store: Store, kind: int) -> None:
    store.commit([Create(ADA, {"n": 1})])
    stale = version(store, ADA)
    store.commit([Set(ADA, {"n": 2})])

    with pytest.raises(Conflict):
        store.commit([stale_writes(stale)[kind]])

    assert read(store, ADA) == {"n": 2}


@pytest.mark.parametrize("kind", [0, 1, 2], ids=["set", "merge", "delete"])
def test_version_of_a_deleted_document_raises_conflict(store: Store, kind: int) -> None:
    store.commit([Create(ADA, {"n": 1})])
    stale = version(store, ADA)
    store.commit([Delete(ADA)])

    with pytest.raises(Conflict):
        store.commit([stale_writes(stale)[kind]])

    assert read(store, ADA) is None


@pytest.mark.parametrize("kind", [0, 1, 2], ids=["set", "merge", "delete"])
def test_version_of_a_document_made_anew_with_the_same_fields_is_another(store: Store, kind: int) -> None:
    store.commit([Create(ADA, {"n": 1})])
    stale = version(store, ADA)
    store.commit([Delete(ADA)])
    store.commit([Create(ADA, {"n": 1})])

    with pytest.raises(Conflict):
        store.commit([stale_writes(stale)[kind]])


def test_deleting_what_is_absent_is_fine(store: Store) -> None:
    store.commit([Delete(ADA)])

    assert read(store, ADA) is None


def test_increments_from_eight_threads_add_up(store: Store) -> None:
    def raise_counter(_: int) -> None:
        for _ in range(5):
            store.commit([Merge(ADA, {"n": Increment(1), "by": {"hour": Increment(2)}})])

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(raise_counter, range(8)))

    assert read(store, ADA) == {"n": 40, "by": {"hour": 80}}


def test_one_of_eight_parallel_creations_wins(store: Store) -> None:
    def create(number: int) -> int | None:
        try:
            store.commit([Create(ADA, {"winner": number})])
        except AlreadyExists:
            return None
        return number

    with ThreadPoolExecutor(8) as threads:
        winners = [number for number in threads.map(create, range(8)) if number is not None]

    assert read(store, ADA) == {"winner": winners[0]}
    assert len(winners) == 1


def test_one_of_eight_parallel_writes_of_a_version_wins(store: Store) -> None:
    store.commit([Create(ADA, {"n": 0})])
    seen = version(store, ADA)

    def take(number: int) -> int | None:
        try:
            store.commit([Merge(ADA, {"winner": number}, seen)])
        except Conflict:
            return None
        return number

    with ThreadPoolExecutor(8) as threads:
        winners = [number for number in threads.map(take, range(8)) if number is not None]

    assert read(store, ADA) == {"n": 0, "winner": winners[0]}
    assert len(winners) == 1


def test_writer_reads_its_own_write(store: Store) -> None:
    def write_and_read(number: int) -> bool:
        ref = Ref("customers", str(number))
        store.commit([Set(ref, {"n": number})])
        return read(store, ref) == {"n": number}

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(write_and_read, range(40)))


def test_empty_commit_is_fine(store: Store) -> None:
    store.commit([])
