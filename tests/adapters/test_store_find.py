"""What every `Store` promises about queries."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from shared.ports.store import Create, Delete, Order, Ref, Set, Store, Where
from tests.adapters.documents import NOON, Documents, fill, ids, pages


def test_found_documents_come_whole_with_ref_and_version(store: Store) -> None:
    fill(store, {"a": {"n": 1, "at": NOON, "map": {"x": [1]}}})

    (document,) = store.find("messages", [Where("n", "==", 1)]).documents

    assert document == store.get([Ref("messages", "a")])[Ref("messages", "a")]
    assert document.data == {"n": 1, "at": NOON, "map": {"x": [1]}}


def test_empty_collection_has_one_empty_page(store: Store) -> None:
    page = store.find("messages")

    assert (page.documents, page.cursor) == ([], None)


def test_without_conditions_all_documents_come_by_id(store: Store) -> None:
    fill(store, {"b": {}, "c": {"n": 1}, "a": {"n": None}})

    assert ids(store) == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("x", ["text"]),
        (1, ["float", "int"]),
        (0, ["zero"]),
        (True, ["true"]),
        (False, ["false"]),
        (None, ["none"]),
        (NOON, ["time"]),
        ("2024-05-01T12:00:00+00:00", ["time-like"]),
        ("", ["empty"]),
        ("'; DROP TABLE doc_messages; --", ["quote"]),
        ("\x01ü👍", ["marked"]),
    ],
)
def test_equality_finds_the_same_value_and_kind_only(store: Store, value: object, expected: list[str]) -> None:
    fill(
        store,
        {
            "text": {"v": "x"},
            "int": {"v": 1},
            "float": {"v": 1.0},
            "zero": {"v": 0},
            "true": {"v": True},
            "false": {"v": False},
            "none": {"v": None},
            "absent": {"w": 1},
            "time": {"v": NOON},
            "time-like": {"v": "2024-05-01T12:00:00+00:00"},
            "empty": {"v": ""},
            "quote": {"v": "'; DROP TABLE doc_messages; --"},
            "marked": {"v": "\x01ü👍"},
        },
    )

    assert ids(store, [Where("v", "==", value)]) == expected


def test_all_conditions_hold_together(store: Store) -> None:
    fill(store, {"a": {"x": 1, "y": "p"}, "b": {"x": 1, "y": "q"}, "c": {"x": 2, "y": "q"}, "d": {"x": 1}})

    assert ids(store, [Where("x", "==", 1), Where("y", "==", "q")]) == ["b"]


def test_nested_fields_are_named_with_dots(store: Store) -> None:
    fill(store, {"a": {"to": {"agent": {"id": "x"}}}, "b": {"to": {"agent": {"id": "y"}}}, "c": {"to": {"agent": "x"}}})

    assert ids(store, [Where("to.agent.id", "==", "x")]) == ["a"]
    assert ids(store, [], [Order("to.agent.id", descending=True)]) == ["b", "a"]


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ([(">", 2)], ["c", "d"]),
        ([(">=", 2)], ["b", "c", "d"]),
        ([("<", 3)], ["neg", "a", "b"]),
        ([("<=", 3)], ["neg", "a", "b", "c"]),
        ([(">", 1), ("<", 3.5)], ["b", "c"]),
        ([(">", 2.5)], ["c", "d"]),
        ([(">", 9)], []),
    ],
)
def test_ranges_over_numbers_leave_out_other_kinds(
    store: Store, conditions: list[tuple[Any, object]], expected: list[str]
) -> None:
    numbers: dict[str, float] = {"a": 1, "b": 2, "c": 3, "d": 4, "neg": -1.5}
    others: Documents = {"none": {"n": None}, "absent": {}, "text": {"n": "3"}, "true": {"n": True}}
    fill(store, {**{id_: {"n": n} for id_, n in numbers.items()}, **others})

    assert ids(store, [Where("n", op, value) for op, value in conditions], [Order("n")]) == expected


def test_ranges_over_times_are_exact_to_the_microsecond(store: Store) -> None:
    tick = timedelta(microseconds=1)
    fill(
        store, {"before": {"at": NOON - tick}, "noon": {"at": NOON}, "after": {"at": NOON + tick}, "none": {"at": None}}
    )

    assert ids(store, [Where("at", "<", NOON)], [Order("at")]) == ["before"]
    assert ids(store, [Where("at", "<=", NOON)], [Order("at")]) == ["before", "noon"]
    assert ids(store, [Where("at", ">", NOON)], [Order("at")]) == ["after"]


def test_equality_and_range_together_keep_the_order(store: Store) -> None:
    fill(store, {f"m{n}": {"who": "ada" if n % 2 else "bob", "n": n} for n in range(8)})

    message_ids = ids(store, [Where("who", "==", "ada"), Where("n", ">=", 3)], [Order("n", descending=True)])

    assert message_ids == ["m7", "m5", "m3"]


def test_in_matches_any_of_its_values(store: Store) -> None:
    fill(store, {"a": {"s": "new"}, "b": {"s": "open"}, "c": {"s": "done"}, "d": {"s": None}, "e": {}})

    assert ids(store, [Where("s", "in", ["done", "new", "other"])]) == ["a", "c"]
    assert ids(store, [Where("s", "in", ["open"])], [Order("s")]) == ["b"]


def test_in_takes_thirty_values(store: Store) -> None:
    fill(store, {f"m{n:02}": {"n": n} for n in range(40)})

    assert ids(store, [Where("n", "in", list(range(30)))]) == [f"m{n:02}" for n in range(30)]


def test_in_with_no_values_matches_nothing(store: Store) -> None:
    fill(store, {"a": {"n": 1}})

    assert ids(store, [Where("n", "in", [])]) == []
    assert store.count("messages", [Where("n", "in", [])]) == 0


def test_in_keeps_the_order_of_another_field_over_pages(store: Store) -> None:
    fill(store, {f"m{n}": {"s": "ab"[n % 2] if n < 6 else "c", "n": -n} for n in range(8)})

    id_pages = pages(store, [Where("s", "in", ["a", "b"])], [Order("n")], limit=4)

    assert id_pages == [["m5", "m4", "m3", "m2"], ["m1", "m0"]]


@pytest.mark.parametrize("descending", [False, True])
def test_ties_are_broken_by_id_in_the_same_direction(store: Store, descending: bool) -> None:
    fill(store, {"b": {"n": 1}, "a": {"n": 1}, "d": {"n": 0}, "c": {"n": 1}, "absent": {}})

    message_ids = ids(store, [], [Order("n", descending)])

    assert message_ids == (["c", "b", "a", "d"] if descending else ["d", "a", "b", "c"])


def test_several_orders_apply_one_after_the_other(store: Store) -> None:
    fill(store, {"a": {"x": 1, "y": 1}, "b": {"x": 1, "y": 2}, "c": {"x": 2, "y": 1}, "d": {"x": 2, "y": 1}})

    assert ids(store, [], [Order("x"), Order("y", descending=True)]) == ["b", "a", "d", "c"]
    assert ids(store, [], [Order("x", descending=True), Order("y")]) == ["c", "d", "a", "b"]


def test_none_sorts_before_everything_and_absent_fields_are_left_out(store: Store) -> None:
    fill(store, {"a": {"n": None}, "b": {"n": -5}, "c": {"n": 5}, "d": {"other": 1}, "e": {"n": None}})

    assert ids(store, [], [Order("n")]) == ["a", "e", "b", "c"]
    assert ids(store, [], [Order("n", descending=True)]) == ["c", "b", "e", "a"]


def test_text_sorts_by_code_point(store: Store) -> None:
    fill(store, {str(n): {"s": s} for n, s in enumerate(["", "A", "Z", "a", "ä", "\uff5a", "👍"])})

    assert ids(store, [], [Order("s")]) == [str(n) for n in range(7)]


def test_count_counts_what_matches(store: Store) -> None:
    fill(store, {f"m{n}": {"n": n, "odd": bool(n % 2)} for n in range(7)} | {"none": {"n": None}})

    assert store.count("messages") == 8
    assert store.count("messages", [Where("odd", "==", True)]) == 3
    assert store.count("messages", [Where("n", ">=", 2)]) == 5
    assert store.count("messages", [Where("odd", "==", False), Where("n", "<", 4)]) == 2
    assert store.count("messages", [Where("n", "==", None)]) == 1
    assert store.count("messages", [Where("n", "in", [1, 2, 99])]) == 2
    assert store.count("others") == 0


def test_a_count_ends_where_it_is_told_to(store: Store) -> None:
    fill(store, {f"m{n}": {"n": n, "odd": bool(n % 2)} for n in range(7)})

    assert store.count("messages", [Where("odd", "==", False)], up_to=2) == 2
    assert store.count("messages", [Where("odd", "==", True)], up_to=50) == 3


def test_queries_follow_writes(store: Store) -> None:
    fill(store, {"a": {"s": "new"}})
    assert ids(store, [Where("s", "==", "new")]) == ["a"]

    store.commit([Set(Ref("messages", "a"), {"s": "old"}), Create(Ref("messages", "b"), {"s": "new"})])
    assert ids(store, [Where("s", "==", "new")]) == ["b"]

    store.commit([Delete(Ref("messages", "b"))])
    assert ids(store, [Where("s", "==", "new")]) == []
