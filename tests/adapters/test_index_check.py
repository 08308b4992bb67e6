"""The rules by which Firestore picks indexes, and the declared file's form."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from pydantic import ValidationError

from shared.ports.store import Order, Where
from tests.adapters.backends import Backend
from tests.index_check import (
    FieldOverride,
    Index,
    IndexedField,
    Indexes,
    RecordingStore,
    Shape,
    SingleFieldIndex,
    missing,
    shape_of,
    unused,
)

NONE = Indexes()
DECLARED = Path(__file__).parents[2] / "infra" / "firestore" / "indexes.json"


def composite(*fields: str, collection: str = "things") -> Index:
    """An index from field names; a leading minus means descending."""
    return Index(
        collectionGroup=collection,
        fields=tuple(
            IndexedField(fieldPath=name.lstrip("-"), order="DESCENDING" if name.startswith("-") else "ASCENDING")
            for name in fields
        ),
    )


def find(*equal: str, by: Sequence[str] = (), any_of: Sequence[str] = ()) -> Shape:
    where = [Where(name, "==", 1) for name in equal] + [Where(name, "in", [1]) for name in any_of]
    return shape_of("things", where, [Order(name.lstrip("-"), name.startswith("-")) for name in by])


def count(*equal: str, above: str) -> Shape:
    return shape_of("things", [*(Where(name, "==", 1) for name in equal), Where(above, ">", 1)])


def exempt(path: str, *remaining: SingleFieldIndex) -> Indexes:
    return Indexes(fieldOverrides=(FieldOverride(collectionGroup="things", fieldPath=path, indexes=remaining),))


@pytest.mark.parametrize(
    "shape",
    [
        find(),
        find("a"),
        find("a", "b", "c"),
        find("a", any_of=["b"]),
        find(by=["a"]),
        find(by=["-a"]),
        find("a", by=["a"]),
        find(any_of=["a"], by=["-a"]),
        count(above="a"),
    ],
)
def test_automatic_indexes_serve_equalities_or_one_order(shape: Shape) -> None:
    assert missing([shape], NONE) == []


@pytest.mark.parametrize(
    "shape", [find("a", by=["b"]), find(by=["a", "b"]), find(any_of=["a"], by=["b"]), count("a", above="b")]
)
def test_an_order_beside_anything_else_needs_a_composite_index(shape: Shape) -> None:
    assert len(missing([shape], NONE)) == 1


@pytest.mark.parametrize(
    ("shape", "index"),
    [
        (find("a", by=["b"]), composite("a", "b")),
        (find("a", by=["-b"]), composite("a", "-b")),
        (find("a", by=["-b"]), composite("-a", "-b")),
        (find("a", "b", by=["c"]), composite("b", "a", "c")),
        (find("a", by=["b"], any_of=["c"]), composite("c", "a", "b")),
        (find("a", by=["b", "-c"]), composite("a", "b", "-c")),
        (find("a", by=["b"]), composite("a", "b", "__name__")),
        (count("a", above="b"), composite("a", "-b")),
    ],
)
def test_a_composite_index_serves_its_query(shape: Shape, index: Index) -> None:
    declared = Indexes(indexes=(index,))
    assert (missing([shape], declared), unused([shape], declared)) == ([], [])


@pytest.mark.parametrize(
    ("shape", "index"),
    [
        (find("a", by=["b"]), composite("a", "-b")),
        (find("a", by=["b"]), composite("b", "a")),
        (find("a", by=["b"]), composite("a", "b", "c")),
        (find("a", by=["b"]), composite("a", "c", "b")),
        (find("a", by=["b", "c"]), composite("a", "c", "b")),
        (find("a", by=["b"]), composite("a", "b", "-__name__")),
        (find("a", by=["b"]), composite("a", "b", collection="others")),
    ],
)
def test_a_composite_index_of_another_form_does_not_serve(shape: Shape, index: Index) -> None:
    declared = Indexes(indexes=(index,))
    assert (len(missing([shape], declared)), len(unused([shape], declared))) == (1, 1)


def test_composite_indexes_with_the_same_orders_are_merged() -> None:
    declared = Indexes(indexes=(composite("a", "c"), composite("b", "c")))
    assert missing([find("a", "b", by=["c"])], declared) == []
    assert unused([find("a", "b", by=["c"])], declared) == []
    assert len(missing([find("a", "b", "d", by=["c"])], declared)) == 1


def test_an_exempt_field_has_no_index_of_its_own() -> None:
    declared = exempt("at")
    assert missing([find(by=["at"])], declared) == ["the exemption of things.at must leave its ASCENDING index"]
    assert missing([find("a", "at")], declared) == missing([find("a", "at")], exempt("a")) != []
    assert missing([find("a")], declared) == []


def test_a_composite_index_stands_in_for_an_exempt_field() -> None:
    declared = exempt("at").model_copy(update={"indexes": (composite("a", "at"),)})
    assert missing([find("a", "at"), find("a", by=["at"])], declared) == []


def test_an_exemption_holds_inside_of_a_map_and_for_a_star() -> None:
    assert len(missing([find("config.region")], exempt("config"))) == 1
    assert len(missing([find("anything")], exempt("*"))) == 1


def test_a_direction_that_is_left_to_an_exempt_field_serves() -> None:
    declared = exempt("at", SingleFieldIndex(order="DESCENDING"))
    assert missing([find(by=["-at"])], declared) == []
    assert len(missing([find(by=["at"])], declared)) == 1


def test_an_index_for_what_automatic_indexes_serve_is_unused() -> None:
    declared = Indexes(indexes=(composite("a", "b"),))
    assert len(unused([find("a", "b")], declared)) == 1


def test_what_is_missing_reads_as_it_is_to_be_declared() -> None:
    (declaration,) = missing([find("b", "a", by=["-at"]), find("a", "b", by=["-at"])], NONE)
    assert Index.model_validate_json(declaration) == composite("-a", "-b", "-at")


def test_a_recording_store_notes_the_shapes_of_queries(backend: Backend) -> None:
    with backend.open_store() as store:
        recording = RecordingStore(store)
        recording.find("things", [Where("a", "==", 1), Where("b", ">", 1)], [Order("b", descending=True)])
        recording.count("things", [Where("c", "in", [1, 2])])

    assert recording.shapes == {
        Shape("things", equal=frozenset({"a"}), range="b", orders=(("b", "DESCENDING"),)),
        Shape("things", any_of=frozenset({"c"})),
    }


def test_the_declared_file_has_the_form_of_firebases_tools() -> None:
    Indexes.model_validate_json(DECLARED.read_text())
    with pytest.raises(ValidationError):
        Indexes.model_validate({"indexes": [{"collectionGroup": "x", "fields": [{"fieldPath": "a"}]}]})
