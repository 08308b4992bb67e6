"""What every `Store` promises about what is written into fields."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from shared.ports.store import Create, Increment, Merge, Remove, ServerTime, Set, Store
from tests.adapters.documents import ADA, BOB, read


def test_set_replaces_the_whole_document(store: Store) -> None:
    store.commit([Set(ADA, {"a": 1, "b": {"c": 2}})])
    store.commit([Set(ADA, {"b": {"d": 3}})])

    assert read(store, ADA) == {"b": {"d": 3}}


def test_merge_goes_into_maps_replaces_lists_and_keeps_the_rest(store: Store) -> None:
    store.commit([Create(ADA, {"a": 1, "map": {"x": {"y": 1, "z": 2}, "w": 0}, "list": [1, 2]})])
    store.commit([Merge(ADA, {"map": {"x": {"y": 9}, "v": None}, "list": [3], "new": {"k": "v"}})])

    assert read(store, ADA) == {
        "a": 1,
        "map": {"x": {"y": 9, "z": 2}, "w": 0, "v": None},
        "list": [3],
        "new": {"k": "v"},
    }


def test_merge_replaces_a_plain_value_by_a_map_and_back(store: Store) -> None:
    store.commit([Create(ADA, {"a": 1, "b": {"c": 2}})])
    store.commit([Merge(ADA, {"a": {"x": 1}, "b": 2})])

    assert read(store, ADA) == {"a": {"x": 1}, "b": 2}


def test_merge_makes_an_absent_document(store: Store) -> None:
    store.commit([Merge(ADA, {"a": {"b": 1}})])

    assert read(store, ADA) == {"a": {"b": 1}}


def test_merge_takes_odd_field_names_literally(store: Store) -> None:
    odd = {"a.b": 1, "with space": 2, "ünïcode": 3, "1st": 4, "quo'te\"`\\": 5, "$x": 6}
    store.commit([Merge(ADA, {"map": odd}), Merge(ADA, {"map": {"a.b": 9}})])

    assert read(store, ADA) == {"map": odd | {"a.b": 9}}


@pytest.mark.parametrize("write", [Create, Set, Merge])
def test_increment_counts_from_zero_where_there_is_nothing(store: Store, write: Any) -> None:
    store.commit([write(ADA, {"n": Increment(3), "deep": {"er": Increment(0.5)}})])

    assert read(store, ADA) == {"n": 3, "deep": {"er": 0.5}}


def test_increment_adds_to_nested_ints_and_floats(store: Store) -> None:
    store.commit([Create(ADA, {"n": 5, "map": {"f": 1.5, "i": -2, "kept": "x"}})])
    store.commit(
        [Merge(ADA, {"n": Increment(-7), "map": {"f": Increment(2), "i": Increment(0.25), "o": Increment(1)}})]
    )

    assert read(store, ADA) == {"n": -2, "map": {"f": 3.5, "i": -1.75, "kept": "x", "o": 1}}


@pytest.mark.parametrize("write", [Create, Set, Merge])
def test_server_time_is_the_time_of_the_commit(store: Store, write: Any) -> None:
    before = datetime.now(UTC) - timedelta(seconds=5)

    store.commit([write(ADA, {"at": ServerTime(), "deep": {"at": ServerTime()}})])

    data = read(store, ADA)
    assert data is not None
    assert before < data["at"] < datetime.now(UTC) + timedelta(seconds=5)
    assert data["deep"]["at"] == data["at"]


def test_remove_takes_fields_away_at_any_depth(store: Store) -> None:
    store.commit([Create(ADA, {"a": 1, "b": {"c": 2, "d": 3}})])
    store.commit([Merge(ADA, {"a": Remove(), "b": {"c": Remove()}, "never": Remove()})])

    assert read(store, ADA) == {"b": {"d": 3}}


def test_remove_from_an_absent_document_leaves_an_empty_one(store: Store) -> None:
    store.commit([Merge(ADA, {"a": Remove(), "b": 1})])

    assert read(store, ADA) == {"b": 1}


VALUES = {
    "none": None,
    "true": True,
    "false": False,
    "zero": 0,
    "large": 2**62 + 1,
    "negative": -(2**62) - 1,
    "float": 0.1,
    "whole float": 2.0,
    "tiny": 5e-324,
    "huge": 1.7976931348623157e308,
    "infinity": float("inf"),
    "empty": "",
    "emoji": "👩‍👩‍👧 ☎️ नमस्ते",
    "controls": "".join(map(chr, range(1, 32))) + "\x7f\x85\u2028",
    "json": '{"a": [1, "\\u0041"]}',
    "time-like": "2024-05-01T12:00:00.000000+00:00",
    "marked time": "\x012024-05-01T12:00:00.000000+00:00",
    "marked string": "\x01s",
    "marked float": "\x01finf",
    "twice marked": "\x01\x01",
    "list": [1, "two", None, {"a": [True]}],
    "empty list": [],
    "empty map": {},
    "map": {"a": {"b": {"c": [{"d": 1}]}}},
}


@pytest.mark.parametrize("name", list(VALUES))
def test_value_comes_back_as_it_was(store: Store, name: str) -> None:
    value = VALUES[name]
    store.commit([Create(ADA, {"value": value, "list": [value] if not isinstance(value, list) else value})])
    store.commit([Merge(ADA, {"merged": value}), Merge(BOB, {"map": {"value": value}})])

    data, other = read(store, ADA), read(store, BOB)

    assert data is not None
    assert data["value"] == data["merged"] == value
    assert type(data["value"]) is type(value)
    assert other == {"map": {"value": value}}


def test_half_a_megabyte_of_text_comes_back_as_it_was(store: Store) -> None:
    text = "ü\x01👍\n" * 62_500
    store.commit([Create(ADA, {"text": text}), Merge(BOB, {"map": {"text": text}})])

    assert (read(store, ADA), read(store, BOB)) == ({"text": text}, {"map": {"text": text}})


@pytest.mark.parametrize(
    "moment",
    [
        datetime(2024, 5, 1, 12, 30, 15, 123456, tzinfo=UTC),
        datetime(2024, 5, 1, 12, tzinfo=timezone(timedelta(hours=5, minutes=30))),
        datetime(1970, 1, 1, tzinfo=UTC),
        datetime(1901, 2, 3, 4, 5, 6, 7, tzinfo=UTC),
        datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
    ],
)
def test_time_comes_back_in_utc_to_the_microsecond(store: Store, moment: datetime) -> None:
    store.commit([Create(ADA, {"at": moment, "list": [moment], "map": {"at": moment}})])

    data = read(store, ADA)

    assert data == {"at": moment, "list": [moment], "map": {"at": moment}}
    assert data["at"].utcoffset() == timedelta(0)
    assert type(data["at"]) is datetime or data["at"].isoformat() == moment.astimezone(UTC).isoformat()
