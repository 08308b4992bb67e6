"""Which Firestore indexes the hub's queries need, compared with those declared.

The emulator answers every query, the service only those that an index serves
(https://firebase.google.com/docs/firestore/query-data/index-overview):

- Each field that is not exempt has an index of its own, in both directions. They
  serve a query with one order and no equality, and, merged, one with equalities only.
- A composite index serves a query whose equality fields are its first fields, in
  any order, and whose orders are the rest, in the same order and directions.
- Composite indexes that end in the same orders are merged too.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from shared.bootstrap import bootstrap, close
from shared.config import Settings
from shared.deps import Deps
from shared.ports.store import Document, Order, Page, Ref, Store, Where, Write
from tests.cheap_passwords import CHEAP_PASSWORDS
from tests.eventually import shown_on_failure, state_of
from tests.overlaps import OverlapStore, overlapping

Direction: TypeAlias = Literal["ASCENDING", "DESCENDING"]
DIRECTIONS: tuple[Direction, Direction] = ("ASCENDING", "DESCENDING")
RANGES = ("<", "<=", ">", ">=")


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class IndexedField(_Model):
    fieldPath: str
    order: Direction


class Index(_Model):
    """A composite index; documents that lack one of its fields are not in it."""

    collectionGroup: str
    queryScope: Literal["COLLECTION"] = "COLLECTION"
    fields: tuple[IndexedField, ...] = Field(min_length=2)

    @property
    def keys(self) -> tuple[tuple[str, Direction], ...]:
        """Fields and directions, with the name that ends every index."""
        keys = tuple((each.fieldPath, each.order) for each in self.fields)
        return keys if keys[-1][0] == "__name__" else (*keys, ("__name__", keys[-1][1]))


class SingleFieldIndex(_Model):
    order: Direction
    queryScope: Literal["COLLECTION"] = "COLLECTION"


class FieldOverride(_Model):
    """What remains of a field's own indexes; `*` means all fields of the collection."""

    collectionGroup: str
    fieldPath: str
    indexes: tuple[SingleFieldIndex, ...] = ()
    ttl: bool = False


class Indexes(_Model):
    """infra/firestore/indexes.json, in the format of Firebase's tools."""

    indexes: tuple[Index, ...] = ()
    fieldOverrides: tuple[FieldOverride, ...] = ()

    def of_field(self, collection: str, path: str) -> frozenset[Direction]:
        """The directions in which a field has an index of its own; a map's exemption holds for what is in it."""
        overrides = {each.fieldPath: each for each in self.fieldOverrides if each.collectionGroup == collection}
        names = path.split(".")
        above = [".".join(names[:length]) for length in range(len(names), 0, -1)]
        for candidate in (*above, "*"):
            if candidate in overrides:
                return frozenset(index.order for index in overrides[candidate].indexes)
        return frozenset(DIRECTIONS)


@dataclass(frozen=True, slots=True)
class Shape:
    """All of a query but the values. A count has a range and no orders; then any direction serves."""

    collection: str
    equal: frozenset[str] = frozenset()
    any_of: frozenset[str] = frozenset()
    range: str | None = None
    orders: tuple[tuple[str, Direction], ...] = ()

    @property
    def prefix(self) -> frozenset[str]:
        """What an index must have first: an order by a field that equals one value orders nothing."""
        return self.equal | (self.any_of - {path for path, _ in self.orders})

    @property
    def endings(self) -> list[tuple[tuple[str, Direction], ...]]:
        """What an index must have after that; for a count there is a choice."""
        orders = tuple((path, direction) for path, direction in self.orders if path not in self.equal)
        if not orders and self.range and self.range not in self.prefix:
            return [((self.range, direction), ("__name__", direction)) for direction in DIRECTIONS]
        last = self.orders[-1][1] if self.orders else "ASCENDING"
        return [(*orders, ("__name__", last))]


def shape_of(collection: str, where: Sequence[Where], order_by: Sequence[Order] = ()) -> Shape:
    return Shape(
        collection,
        equal=frozenset(each.field for each in where if each.op == "=="),
        any_of=frozenset(each.field for each in where if each.op == "in"),
        range=next((each.field for each in where if each.op in RANGES), None),
        orders=tuple((order.field, DIRECTIONS[order.descending]) for order in order_by),
    )


@dataclass
class RecordingStore:
    """A store that notes the shape of each query and passes everything on."""

    store: Store
    shapes: set[Shape] = field(default_factory=set)

    def get(self, refs: Sequence[Ref]) -> dict[Ref, Document]:
        return self.store.get(refs)

    def find(
        self,
        collection: str,
        where: Sequence[Where] = (),
        order_by: Sequence[Order] = (),
        limit: int = 100,
        cursor: str | None = None,
    ) -> Page:
        self.shapes.add(shape_of(collection, where, order_by))
        return self.store.find(collection, where, order_by, limit, cursor)

    def commit(self, writes: Sequence[Write]) -> None:
        self.store.commit(writes)

    def count(self, collection: str, where: Sequence[Where] = (), up_to: int | None = None) -> int:
        self.shapes.add(shape_of(collection, where))
        return self.store.count(collection, where, up_to)

    def scrub(self) -> None:
        self.store.scrub()

    def close(self) -> None:
        self.store.close()


def stored_in(deps: Deps) -> Store:
    """The store itself: what a test looks up there is no query of the hub's, and nothing happens at it."""
    store = deps.store
    while isinstance(store, OverlapStore | RecordingStore):
        store = store.store
    return store


def missing(shapes: Iterable[Shape], indexes: Indexes) -> list[str]:
    """What the queries need declared: a composite index as it would stand in the file, or less of an exemption."""
    unserved = [shape for shape in shapes if not _by_fields(shape, indexes) and not _serving(shape, indexes)]
    return sorted({_missing_index(shape) for shape in unserved})


def unused(shapes: Iterable[Shape], indexes: Indexes) -> list[str]:
    """The declared composite indexes that no query needs."""
    composite = [shape for shape in shapes if not _by_fields(shape, indexes)]
    used = set(chain.from_iterable(_serving(shape, indexes) for shape in composite))
    return sorted(_as_json(index) for index in indexes.indexes if index not in used)


def _by_fields(shape: Shape, indexes: Indexes) -> bool:
    """Whether the automatic indexes of single fields serve the query."""
    for *orders, (_, name_direction) in shape.endings:
        needed = dict.fromkeys(shape.prefix, name_direction) if not orders else dict(orders)
        alone = len(orders) + bool(shape.prefix) <= 1
        if alone and all(_has(indexes, shape.collection, path, needed[path]) for path in needed):
            return True
    return False


def _has(indexes: Indexes, collection: str, path: str, direction: Direction) -> bool:
    return path == "__name__" or direction in indexes.of_field(collection, path)


def _serving(shape: Shape, indexes: Indexes) -> list[Index]:
    """The composite indexes that serve the query, one or several merged; none when they do not."""
    for ending in shape.endings:
        usable = {}
        for index in indexes.indexes:
            first = {path for path, _ in index.keys[: -len(ending)]}
            if index.collectionGroup == shape.collection and index.keys[-len(ending) :] == ending:
                if first == shape.prefix:
                    return [index]
                if first and first < shape.prefix:
                    usable[index] = first
        if usable and frozenset().union(*usable.values()) == shape.prefix:
            return list(usable)
    return []


def _missing_index(shape: Shape) -> str:
    *orders, (_, direction) = shape.endings[0]
    fields = [(path, direction) for path in sorted(shape.prefix)] + orders
    if len(fields) == 1:
        (path, order) = fields[0]
        return f"the exemption of {shape.collection}.{path} must leave its {order} index"
    indexed = tuple(IndexedField(fieldPath=path, order=each) for path, each in fields)
    return _as_json(Index.model_construct(collectionGroup=shape.collection, fields=indexed))


def _as_json(index: Index) -> str:
    return json.dumps(index.model_dump(mode="json"))


INDEXES = Indexes.model_validate_json(Path("infra/firestore/indexes.json").read_text("utf-8"))

SHAPES: set[Shape] = set()
"""Every shape that this process's tests have asked."""


@contextmanager
def recorded(settings: Settings) -> Iterator[Deps]:
    """Open the backend for a test; a query that no declared index would serve fails it at the end."""
    opened = replace(bootstrap(settings, durable=False), passwords=CHEAP_PASSWORDS)
    recording = RecordingStore(opened.store)
    steered = overlapping(replace(opened, store=recording))
    try:
        with shown_on_failure(lambda: state_of(steered)):
            yield steered
    finally:
        close(opened)
    SHAPES.update(recording.shapes)
    assert missing(recording.shapes, INDEXES) == []
