"""One commit may write the same document several times."""

from __future__ import annotations

from shared.ports.store import Create, Increment, Merge, Ref, Store

REF = Ref("things", "one")


def test_several_writes_of_one_commit_to_a_document_happen_in_order(store: Store) -> None:
    store.commit(
        [Merge(REF, {"hits": Increment(1), "inner": {"05": Increment(2)}}), Merge(REF, {"hits": Increment(5)})]
    )
    assert store.get([REF])[REF].data == {"hits": 6, "inner": {"05": 2}}


def test_only_the_first_of_them_may_expect_a_version(store: Store) -> None:
    store.commit([Create(REF, {"a": 1})])
    version = store.get([REF])[REF].version
    store.commit([Merge(REF, {"a": 2, "b": 1}, version), Merge(REF, {"b": 2})])
    assert store.get([REF])[REF].data == {"a": 2, "b": 2}
