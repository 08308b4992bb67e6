"""What Firestore's adapter does beyond the contract: round trips, retries, and writes as Firestore wants them."""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime

import grpc
import pytest

from shared.adapters.google.store import FirestoreStore
from shared.errors import AlreadyExists, BadRequest, Conflict, StoreError
from shared.ports.store import Create, Delete, Increment, Merge, Order, Ref, Remove, ServerTime, Set, Where
from tests.adapters.backends import Backend, emulators
from tests.adapters.backends.grpc_proxy import Proxy, proxy_to

A = Ref("things", "a")
B = Ref("things", "b")


@pytest.fixture
def backend_name() -> str:
    return "google"


@pytest.fixture
def proxy(backend: Backend) -> Iterator[Proxy]:
    with proxy_to(emulators.firestore()) as proxy:
        yield proxy


@pytest.fixture
def store(proxy: Proxy) -> Iterator[FirestoreStore]:
    store = FirestoreStore(f"test-{secrets.token_hex(6)}", emulator_host=proxy.address)
    yield store
    store.close()


def test_getting_many_documents_is_one_round_trip(store: FirestoreStore, proxy: Proxy) -> None:
    store.get([A, B, A, Ref("others", "a")])
    assert proxy.calls == ["BatchGetDocuments"]


def test_a_page_is_one_round_trip(store: FirestoreStore, proxy: Proxy) -> None:
    store.find("things", [Where("kind", "==", "x")], [Order("rank")])
    assert proxy.calls == ["RunQuery"]


@pytest.mark.parametrize(
    "position",
    [
        b"",
        b"\xff" * 20,
        b"\x0a\x02\x10\x01",  # one value where the order has two
        b"\x0a\x02\x10\x01" * 2,  # a number for the id
        b"\x0a\x02\x10\x01\x0a\x06\x8a\x01\x03a/b",  # an id with a slash
        b"\x0a\x02\x10\x01\x0a\x06\x8a\x01\x03\xed\xa0\x80",  # half of a surrogate pair
        b"\x0a\x02\x32\x00\x0a\x04\x8a\x01\x01a",  # a map
    ],
)
def test_a_cursor_whose_digest_is_right_but_which_no_page_ends_with_is_a_bad_request(
    store: FirestoreStore, proxy: Proxy, position: bytes
) -> None:
    store.commit([Create(Ref("things", id_), {"rank": 1}) for id_ in "ab"])
    cursor = store.find("things", order_by=[Order("rank")], limit=1).cursor or ""
    raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    shape = repr(("things", [], [("rank", False)]))
    digest = [hashlib.blake2b(shape.encode() + b"\0" + one, digest_size=6).digest() for one in (raw[6:], position)]
    assert raw[:6] == digest[0]
    with pytest.raises(BadRequest):
        store.find("things", order_by=[Order("rank")], cursor=base64.urlsafe_b64encode(digest[1] + position).decode())


def test_a_count_is_one_round_trip(store: FirestoreStore, proxy: Proxy) -> None:
    store.count("things", [Where("kind", "==", "x")])
    assert proxy.calls == ["RunAggregationQuery"]


def test_a_commit_of_many_writes_is_one_round_trip(store: FirestoreStore, proxy: Proxy) -> None:
    store.commit([Create(A, {"n": 1}), Set(B, {}), Merge(B, {"n": Increment(1), "m": {}}), Delete(Ref("others", "x"))])
    assert proxy.calls == ["Commit"]


def test_what_asks_for_nothing_costs_nothing(store: FirestoreStore, proxy: Proxy) -> None:
    nothing = [Where("kind", "in", [])]
    assert (store.get([]), store.find("things", nothing).documents, store.count("things", nothing)) == ({}, [], 0)
    store.commit([])
    assert proxy.calls == []


def test_a_merge_addresses_fields_of_any_name(store: FirestoreStore) -> None:
    names = ["a.b", "x-y", "`tick`", "back\\slash", "1st", "größe", "with space", "/"]
    store.commit([Set(A, {"kept": 1, "map": {name: {"old": 1} for name in names}})])
    store.commit([Merge(A, {"map": {name: {"n": Increment(2), "new": [1]} for name in names}})])
    expected = {name: {"old": 1, "n": 2, "new": [1]} for name in names}
    assert store.get([A])[A].data == {"kept": 1, "map": expected}


def test_a_merge_transforms_removes_and_sets_at_once_under_a_version(store: FirestoreStore) -> None:
    store.commit([Create(A, {"count": 1, "gone": {"x": 1, "y": 2}})])
    version = store.get([A])[A].version
    store.commit([Merge(A, {"count": Increment(2), "gone": {"x": Remove()}, "at": ServerTime(), "s": "t"}, version)])
    data = store.get([A])[A].data
    assert abs((data.pop("at") - datetime.now(UTC)).total_seconds()) < 60
    assert data == {"count": 3, "gone": {"y": 2}, "s": "t"}


def test_an_empty_map_in_a_merge_makes_a_map_and_empties_none(store: FirestoreStore) -> None:
    store.commit([Create(A, {"there": {"x": 1}})])
    store.commit([Merge(A, {"there": {}, "made": {}}, store.get([A])[A].version)])
    assert store.get([A])[A].data == {"there": {"x": 1}, "made": {}}


def test_a_merge_of_transforms_alone_keeps_the_document(store: FirestoreStore) -> None:
    store.commit([Create(A, {"kept": 1})])
    store.commit([Merge(A, {"n": Increment(1.5)}), Merge(B, {"deep": {"n": Increment(1)}})])
    documents = store.get([A, B])
    assert (documents[A].data, documents[B].data) == ({"kept": 1, "n": 1.5}, {"deep": {"n": 1}})


def test_a_stale_version_names_its_document(store: FirestoreStore) -> None:
    store.commit([Create(A, {"n": 1})])
    version = store.get([A])[A].version
    store.commit([Set(A, {"n": 2})])
    with pytest.raises(Conflict) as caught:
        store.commit([Set(B, {}), Merge(A, {"n": 3}, version)])
    assert caught.value.ref == A


def test_a_version_of_another_store_is_stale(store: FirestoreStore) -> None:
    store.commit([Create(A, {})])
    with pytest.raises(Conflict):
        store.commit([Set(A, {}, version="v1")])


def test_the_one_of_several_new_documents_that_exists_is_named(store: FirestoreStore) -> None:
    existing = Ref("things", "type:+1 (555) {x}")
    store.commit([Create(existing, {})])
    with pytest.raises(AlreadyExists) as caught:
        store.commit([Create(A, {}), Create(existing, {}), Create(B, {})])
    assert caught.value.ref == existing


def test_contention_is_tried_again(store: FirestoreStore, proxy: Proxy) -> None:
    proxy.refusals = [grpc.StatusCode.ABORTED] * 2
    store.commit([Merge(A, {"n": Increment(1)})])
    assert proxy.calls == ["Commit"] * 3
    assert store.get([A])[A].data == {"n": 1}


def test_contention_over_an_expected_version_is_the_callers_matter(store: FirestoreStore, proxy: Proxy) -> None:
    store.commit([Create(A, {})])
    version = store.get([A])[A].version
    proxy.refusals = [grpc.StatusCode.ABORTED]
    with pytest.raises(Conflict):
        store.commit([Set(A, {"n": 1}, version)])


def test_a_commit_whose_outcome_is_unknown_is_not_repeated(store: FirestoreStore, proxy: Proxy) -> None:
    proxy.refusals = [grpc.StatusCode.UNAVAILABLE]
    with pytest.raises(StoreError) as caught:
        store.commit([Merge(A, {"n": Increment(1)})])
    assert (type(caught.value), proxy.calls) == (StoreError, ["Commit"])


def test_a_read_is_tried_again(store: FirestoreStore, proxy: Proxy) -> None:
    store.commit([Create(A, {"n": 1})])
    proxy.refusals = [grpc.StatusCode.UNAVAILABLE]
    assert store.get([A])[A].data == {"n": 1}
    proxy.refusals = [grpc.StatusCode.UNAVAILABLE]
    assert len(store.find("things").documents) == 1


def test_a_query_that_firestore_refuses_is_a_store_error(store: FirestoreStore, proxy: Proxy) -> None:
    proxy.refusals = [grpc.StatusCode.FAILED_PRECONDITION]
    with pytest.raises(StoreError) as caught:
        store.find("things", [Where("kind", "==", "x")], [Order("rank")])
    assert type(caught.value) is StoreError


def test_a_firestore_that_is_not_there_is_a_store_error() -> None:
    store = FirestoreStore("nowhere", emulator_host="127.0.0.1:1", timeout=0.2)
    with pytest.raises(StoreError):
        store.get([A])
    with pytest.raises(StoreError):
        store.commit([Create(A, {})])
    store.close()
