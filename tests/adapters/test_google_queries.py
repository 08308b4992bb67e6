"""Which queries the store port allows, and how Firestore's values are written."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import pytest

from shared.adapters.google.queries import check_conditions, check_query, matches_nothing
from shared.adapters.google.values import fill, read_timestamp
from shared.ports.store import Order, Where
from tests.documents import MOMENT


@pytest.mark.parametrize(
    ("where", "order_by"),
    [
        ([Where("a", "==", None), Where("b", "in", range(30))], []),
        ([Where("a", ">=", 1), Where("a", "<", 3)], [Order("a"), Order("b")]),
    ],
)
def test_the_port_allows(where: list[Where], order_by: list[Order]) -> None:
    check_query(where, order_by)


@pytest.mark.parametrize(
    ("where", "sentence"),
    [
        ([Where("a", "<", 1), Where("b", ">", 1)], "only one field may have a range"),
        ([Where("a", "<=", 1), Where("b", ">=", 1)], "only one field may have a range"),
        ([Where("a", "in", range(31))], "`in` takes up to 30 values"),
        ([Where("a", "in", [1, None])], "None can only be compared with =="),
        ([Where("a", "<", None)], "None can only be compared with =="),
    ],
)
def test_the_port_refuses(where: list[Where], sentence: str) -> None:
    for check in (check_conditions, lambda conditions: check_query(conditions, [Order("a")])):
        with pytest.raises(ValueError, match=sentence):
            check(where)


@pytest.mark.parametrize("order_by", [[], [Order("b"), Order("a")]])
def test_a_range_is_of_the_first_field_of_the_order(order_by: list[Order]) -> None:
    with pytest.raises(ValueError, match="must be the first in order_by"):
        check_query([Where("a", "<", 1)], order_by)


def test_one_of_no_values_matches_nothing() -> None:
    assert matches_nothing([Where("a", "==", 1), Where("b", "in", [])])
    assert not matches_nothing([Where("a", "==", []), Where("b", "in", [1])])


class Colour(StrEnum):
    RED = "red"


@pytest.mark.parametrize(
    ("value", "kind", "filled"),
    [
        (True, "boolean_value", True),
        (3, "integer_value", 3),
        (1.5, "double_value", 1.5),
        ("x", "string_value", "x"),
        (Colour.RED, "string_value", "red"),
        (None, "null_value", 0),
    ],
)
def test_a_value_is_written_as_its_kind(value: object, kind: str, filled: object) -> None:
    target = _value()
    fill(target, value)
    assert (target.WhichOneof("value_type"), getattr(target, kind)) == (kind, filled)


def test_what_lies_in_others_and_what_is_empty_is_written_too() -> None:
    target = _value()
    fill(target, {"list": ["a", ()], "empty": {}})
    fields = target.map_value.fields
    assert [each.WhichOneof("value_type") for each in fields["list"].array_value.values] == [
        "string_value",
        "array_value",
    ]
    assert fields["empty"].WhichOneof("value_type") == "map_value"


def test_a_time_comes_back_to_the_microsecond() -> None:
    moment = datetime(1969, 12, 31, 23, 59, 58, 123456, tzinfo=UTC)
    target = _value()
    fill(target, moment)
    assert (target.timestamp_value.seconds, target.timestamp_value.nanos) == (-2, 123_456_000)
    assert read_timestamp(target.timestamp_value) == moment


@pytest.mark.parametrize(
    ("value", "error"), [(MOMENT.replace(tzinfo=None), ValueError), ({1}, TypeError), ([b"x"], TypeError)]
)
def test_what_no_document_can_hold_is_refused(value: object, error: type[Exception]) -> None:
    with pytest.raises(error, match=r"must be aware|cannot hold"):
        fill(_value(), value)


def _value() -> Any:
    from google.cloud.firestore_v1.types import Value  # noqa: PLC0415  its import takes long

    return Value.pb()()
