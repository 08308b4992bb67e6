"""The document store: what every part of the hub may ask of it, and no more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol, TypeAlias

Data: TypeAlias = dict[str, Any]
"""A document's fields: None, bool, int, float, str, aware datetime (read back in UTC with microseconds),
and lists and maps of these. Written data may also hold `Increment`, `ServerTime` and `Remove`.
"""


class Ref(NamedTuple):
    """The address of a document."""  # a tuple, because making and hashing one is done a hundred times for a message

    collection: str
    id: str

    def __str__(self) -> str:
        return f"{self.collection}/{self.id}"


@dataclass(frozen=True, slots=True)
class Document:
    """A document as read.

    `version` is opaque and changes with every change; a write that changes nothing may keep it.
    """

    ref: Ref
    version: str
    data: Data

    @property
    def id(self) -> str:
        return self.ref.id


@dataclass(frozen=True, slots=True)
class Increment:
    """As a field's value in `Set` or `Merge`: add `by` to the number there (absent counts as 0)."""

    by: int | float


@dataclass(frozen=True, slots=True)
class ServerTime:
    """As a field's value: the store's clock at the commit."""


@dataclass(frozen=True, slots=True)
class Remove:
    """As a field's value in `Merge`: take the field away."""


@dataclass(frozen=True, slots=True)
class Create:
    """Write a document that must not exist yet, else the commit raises `AlreadyExists`."""

    ref: Ref
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Set:
    """Write the whole document; with `version` only if it still has that one, else `Conflict`."""

    ref: Ref
    data: Mapping[str, Any]
    version: str | None = None


@dataclass(frozen=True, slots=True)
class Merge:
    """Write the given fields, maps merged deeply, lists replaced; makes the document when absent.

    With `version` only if the document still has that one, else `Conflict`.
    """

    ref: Ref
    data: Mapping[str, Any]
    version: str | None = None


@dataclass(frozen=True, slots=True)
class Delete:
    """Take the document away (absent is fine); with `version` only if it still has that one, else `Conflict`."""

    ref: Ref
    version: str | None = None


Write: TypeAlias = Create | Set | Merge | Delete

Operator: TypeAlias = Literal["==", "<", "<=", ">", ">=", "in"]


@dataclass(frozen=True, slots=True)
class Where:
    """One condition; all of a query's conditions hold together. `in` takes up to 30 values, and none match nothing.

    A document without the field never matches; an explicit None does match `== None`.
    """

    field: str
    op: Operator
    value: Any


@dataclass(frozen=True, slots=True)
class Order:
    """Sort by a field; documents without it are left out. Ties are broken by id, in the same direction."""

    field: str
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """Part of a query's answer; `cursor` is None on the last page."""

    documents: list[Document] = field(default_factory=list)
    cursor: str | None = None


class Store(Protocol):
    """Documents by collection and id. One call is one round trip.

    Fields are named with dots for nested maps in `Where` and `Order`. A range
    condition's field must be the first in `order_by`. A backend that cannot be
    reached raises `StoreError`; a cursor that this store did not make raises `BadRequest`.
    An id that cannot be addressed (empty, `.`, `..`, `__x__`, with `/`, over 1500
    bytes) is absent for `get` and a `BadRequest` in a write. A query that the
    port does not allow is a `ValueError`.
    """

    def get(self, refs: Sequence[Ref]) -> dict[Ref, Document]:
        """Return the documents that exist; an absent one has no entry."""
        ...

    def find(
        self,
        collection: str,
        where: Sequence[Where] = (),
        order_by: Sequence[Order] = (),
        limit: int = 100,
        cursor: str | None = None,
    ) -> Page:
        """Return one page; a cursor neither skips nor repeats what was there when the first page was read."""
        ...

    def commit(self, writes: Sequence[Write]) -> None:
        """Carry out all writes or none; raises `Conflict` or `AlreadyExists`."""
        ...

    def count(self, collection: str, where: Sequence[Where] = (), up_to: int | None = None) -> int:
        """Return how many documents match. With `up_to` counting ends there, which bounds what it costs."""
        ...

    def scrub(self) -> None:
        """Have what was deleted before leave no trace in the files that this backend keeps itself.

        May take seconds in which nothing is written. Does nothing where somebody else sees to it.
        """
        ...

    def close(self) -> None:
        """Let go of connections and threads."""
        ...
