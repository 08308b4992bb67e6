"""What every `Store` promises about pages and their cursors."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from datetime import timedelta

import pytest

from shared.errors import BadRequest
from shared.ports.store import Create, Delete, Order, Ref, Store, Where
from tests.adapters.documents import NOON, Documents, fill, ids, pages


def test_limit_cuts_and_cursor_goes_on_until_the_last_page(store: Store) -> None:
    fill(store, {f"m{n}": {"n": n} for n in range(5)})

    assert pages(store, [], [Order("n")], limit=2) == [["m0", "m1"], ["m2", "m3"], ["m4"]]
    assert pages(store, [], [Order("n")], limit=5) == [["m0", "m1", "m2", "m3", "m4"]]
    assert pages(store, [], [], limit=3) == [["m0", "m1", "m2"], ["m3", "m4"]]


PAGED: Documents = {
    "none1": {"t": 1, "x": None, "y": "b"},
    "none2": {"t": 1, "x": None, "y": "a"},
    "half": {"t": 1, "x": 0.1, "y": "a"},
    "same1": {"t": 1, "x": 1, "y": "\x01"},
    "same2": {"t": 1, "x": 1, "y": None},
    "same3": {"t": 1, "x": 1, "y": "ü👍"},
    "more": {"t": 1, "x": 2**53 + 1, "y": "a"},
    "else": {"t": 2, "x": 1, "y": "a"},
}


@pytest.mark.parametrize("limit", [1, 2, 3])
@pytest.mark.parametrize("down", [False, True])
@pytest.mark.parametrize("fields", ["x", "xy", "yx"])
def test_pages_put_together_are_the_whole_list(store: Store, limit: int, down: bool, fields: str) -> None:
    fill(store, PAGED)
    order = [Order(field, descending=down) for field in fields]

    id_pages = pages(store, [Where("t", "==", 1)], order, limit)

    whole = ids(store, [Where("t", "==", 1)], order)
    assert [id_ for page in id_pages for id_ in page] == whole
    assert sorted(whole) == sorted(set(PAGED) - {"else"})


@pytest.mark.parametrize("limit", [1, 2])
def test_pages_with_mixed_directions_are_the_whole_list(store: Store, limit: int) -> None:
    fill(store, PAGED)
    order = [Order("x", descending=True), Order("y")]

    id_pages = pages(store, [Where("t", "==", 1)], order, limit)

    assert [id_ for page in id_pages for id_ in page] == ["more", "same2", "same1", "same3", "half", "none2", "none1"]


def test_cursor_goes_into_an_address_as_it_is(store: Store) -> None:
    """Base64 has three lengths of padding, and two characters that mean something else in a query string."""
    fill(store, {f"{'m' * n}{end}": {"n": n} for n in range(1, 4) for end in ("", "?>~", "\x7f\u00ff")})
    page = store.find("messages", [], [Order("n")], limit=1)
    while page.cursor is not None:
        assert re.fullmatch("[A-Za-z0-9_-]+", page.cursor)
        page = store.find("messages", [], [Order("n")], limit=1, cursor=page.cursor)


@pytest.mark.parametrize("descending", [False, True])
def test_cursor_neither_skips_nor_repeats_when_documents_come_and_go(store: Store, descending: bool) -> None:
    fill(store, {f"m{n}": {"n": n} for n in range(0, 60, 10)})
    order = [Order("n", descending)]
    first = store.find("messages", [], order, limit=3)
    edge = first.documents[-1].data["n"]

    store.commit(
        [
            *(Create(Ref("messages", f"new{n}"), {"n": n}) for n in (-5, edge - 1, edge + 1, 65)),
            Create(Ref("messages", "m00"), {"n": 0}),
            Delete(Ref("messages", first.documents[0].id)),
            Delete(Ref("messages", first.documents[-1].id)),
        ]
    )
    rest = ids(store, [], order, cursor=first.cursor)

    seen = [document.id for document in first.documents] + rest
    assert {f"m{n}" for n in range(0, 60, 10)} <= set(seen)
    assert len(seen) == len(set(seen))


def test_cursor_goes_on_by_id_among_equals_under_inserts(store: Store) -> None:
    fill(store, {id_: {"n": 1} for id_ in "bdfh"})
    first = store.find("messages", [], [Order("n")], limit=2)

    fill(store, {id_: {"n": 1} for id_ in "ace"})

    assert ids(store, [], [Order("n")], cursor=first.cursor) == ["e", "f", "h"]


def test_cursor_survives_a_bound_that_moves(store: Store) -> None:
    fill(store, {f"m{n}": {"at": NOON + timedelta(minutes=n)} for n in range(6)})
    order = [Order("at", descending=True)]
    first = store.find("messages", [Where("at", "<=", NOON + timedelta(minutes=4))], order, limit=2)

    rest = ids(store, [Where("at", "<=", NOON + timedelta(minutes=5))], order, cursor=first.cursor)

    assert [document.id for document in first.documents] + rest == ["m4", "m3", "m2", "m1", "m0"]


@pytest.mark.parametrize(
    "cursor", ["", "nonsense", "!!!", "ü", "AAAA", base64.urlsafe_b64encode(b"[1, 2]").decode(), "bnVsbA", "W10"]
)
def test_garbled_cursor_is_a_bad_request(store: Store, cursor: str) -> None:
    fill(store, {"a": {"n": 1}})

    with pytest.raises(BadRequest) as refused:
        store.find("messages", [], [Order("n")], cursor=cursor)
    assert refused.value.fields == {"cursor": "unknown"}


_FORGERIES = {
    "a string": "ab",
    "an object": {"0": 1},
    "too few": [],
    "too large": [2**63],
    "far too large": [10**25],
    "half of a pair": ["\ud800"],
    "no number": [float("nan")],
    "endless": [float("inf")],
    "nested": [[1]],
}


@pytest.mark.parametrize("values", _FORGERIES.values(), ids=_FORGERIES)
def test_a_cursor_with_forged_values_is_a_bad_request(store: Store, values: object) -> None:
    fill(store, {id_: {"n": 1} for id_ in "abc"})
    cursor = store.find("messages", [], [Order("n")], limit=1).cursor or ""

    with pytest.raises(BadRequest):
        store.find("messages", [], [Order("n")], cursor=_forged(cursor, lambda shape, id_: [shape, values, id_]))


@pytest.mark.parametrize("id_", ["\ud800", 7, None, ["a"]])
def test_a_cursor_with_a_forged_id_is_a_bad_request(store: Store, id_: object) -> None:
    fill(store, {each: {"n": 1} for each in "abc"})
    cursor = store.find("messages", [], [Order("n")], limit=1).cursor or ""

    with pytest.raises(BadRequest):
        store.find("messages", [], [Order("n")], cursor=_forged(cursor, lambda shape, _: [shape, [1], id_]))


@pytest.mark.parametrize("text", ["[" * 1490, '{"a":' * 300, "[" + "9" * 1400 + "]"])
def test_a_cursor_of_deep_or_endless_json_is_a_bad_request(store: Store, text: str) -> None:
    with pytest.raises(BadRequest):
        store.find("messages", [], [Order("n")], cursor=base64.urlsafe_b64encode(text.encode()).decode().rstrip("="))


def _forged(cursor: str, change: Callable[[object, object], object]) -> str:
    """The embedded backend's cursor with other content; to Firestore it is garbled."""
    try:
        shape, _, id_ = json.loads(base64.urlsafe_b64decode(cursor + "=="))
    except ValueError:
        shape, id_ = "", ""
    return base64.urlsafe_b64encode(json.dumps(change(shape, id_)).encode()).decode().rstrip("=")


def test_cursor_of_another_query_is_a_bad_request(store: Store) -> None:
    fill(store, {id_: {"n": 1, "m": 1} for id_ in "abc"})
    cursor = store.find("messages", [], [Order("n")], limit=1).cursor

    for order in ([Order("m")], [Order("n", descending=True)], [], [Order("n"), Order("m")]):
        with pytest.raises(BadRequest):
            store.find("messages", [], order, cursor=cursor)
    with pytest.raises(BadRequest):
        store.find("others", [], [Order("n")], cursor=cursor)
