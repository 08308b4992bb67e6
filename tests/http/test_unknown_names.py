"""Which names in a body its type does not have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

import pytest
from pydantic import AliasChoices, AliasPath, BaseModel, ConfigDict, Field, RootModel

from shared.http.unknown_names import drop_null_twins, unknown_in_body, unknown_in_query


class Leaf(BaseModel):
    color: str = ""


class Flower(BaseModel):
    petals: int = 0


class Herb(BaseModel):
    model_config = ConfigDict(extra="allow")

    leaf: Leaf | None = None


class Plant(BaseModel):
    ignored: ClassVar = frozenset({"note", "old_*"})

    leaf: Leaf | None = None
    leaves: list[Annotated[Leaf, Field()]] = []
    pairs: tuple[Leaf, ...] = ()
    by_name: dict[str, Leaf] = {}
    parts: Sequence[Leaf | Flower] = ()
    loose: Leaf | dict[str, Any] | None = None
    labels: Mapping[str, Any] = {}
    anything: Any = None
    kind: Literal["tree"] | None = Field(default=None, alias="plantKind")
    height: int = Field(default=0, validation_alias=AliasChoices("height", "size", AliasPath("sizes", 0)))


class Plants(RootModel[list[Plant]]):
    pass


@pytest.mark.parametrize(
    ("body", "paths"),
    [
        ({}, []),
        (
            {
                "leaf": {"color": "red"},
                "leaves": [{"color": "red"}],
                "labels": {"x": {"y": 1}},
                "anything": {"z": [{}]},
            },
            [],
        ),
        ({"zebra": None}, ["zebra"]),
        ({"leaf": {"colour": 1}}, ["leaf.colour"]),
        ({"leaves": [{}, {"colour": 1}]}, ["leaves.1.colour"]),
        ({"pairs": [{"colour": 1}]}, ["pairs.0.colour"]),
        ({"by_name": {"any": {"colour": 1}}}, ["by_name.any.colour"]),
        ({"parts": [{"petals": 1}, {"color": ""}, {"thorns": 1}]}, ["parts.2.thorns"]),
        ({"loose": {"whatever": 1}}, []),
        ({"plantKind": "tree"}, []),
        ({"kind": "tree"}, ["kind"]),
        ({"size": 3}, []),
        ({"sizes": [3]}, []),
        ({"height": 3, "size": 4}, ["size"]),
        ({"note": 1, "old_age": 2, "old_": 3}, []),
        ({"Note": 1, "older": 2}, ["Note", "older"]),
        ({"leaf": {"note": 1}}, ["leaf.note"]),
        ({"leaf": "no object", "leaves": {"colour": 1}, "pairs": 5}, []),
    ],
)
def test_names_are_looked_for_at_any_depth(body: dict[str, Any], paths: list[str]) -> None:
    assert [unknown.path for unknown in unknown_in_body(Plant, body)] == paths


def test_a_list_as_body_is_looked_into() -> None:
    assert [unknown.path for unknown in unknown_in_body(Plants, [{}, {"zebra": 1}])] == ["1.zebra"]


def test_a_model_that_takes_anything_is_still_looked_into() -> None:
    assert [unknown.path for unknown in unknown_in_body(Herb, {"mint": 1, "leaf": {"colour": 1}})] == ["leaf.colour"]


@pytest.mark.parametrize(
    ("body", "left"),
    [
        ({"height": None, "size": 3}, {"size": 3}),
        ({"size": 3, "height": None}, {"size": 3}),
        ({"height": None, "leaf": None}, {"height": None, "leaf": None}),
        ({"height": 1, "size": 2}, {"height": 1, "size": 2}),
        ({"height": None}, {"height": None}),
        ({"anything": {"height": None, "size": 3}}, {"anything": {"height": None, "size": 3}}),
        ([{}, {"height": None, "size": 3}], [{}, {"size": 3}]),
    ],
)
def test_null_beside_another_name_of_the_same_field_counts_as_absent(body: Any, left: Any) -> None:
    drop_null_twins(Plants if isinstance(body, list) else Plant, body)
    assert body == left


def test_parameters_are_those_of_the_model_or_none() -> None:
    assert [unknown.name for unknown in unknown_in_query(Leaf, ["color", "colour"])] == ["colour"]
    assert [unknown.name for unknown in unknown_in_query(None, ["color"])] == ["color"]
