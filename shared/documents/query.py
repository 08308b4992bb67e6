"""Queries whose fields mypy checks: a field is named by a function that reads it from the model."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from pydantic import BaseModel, ValidationError

from shared.ports.store import Operator, Order, Ref, Where

if TYPE_CHECKING:
    from shared.documents.collection import Schema
    from shared.documents.unit_of_work import UnitOfWork

log = logging.getLogger(__name__)

M = TypeVar("M", bound=BaseModel)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Key:
    """The address of a document whose model is known."""

    schema: Schema[Any]
    id: str

    @property
    def ref(self) -> Ref:
        return self.schema.ref(self.id)


@dataclass(frozen=True, slots=True)
class DocumentPage(Generic[T]):
    """Part of a query's answer; `cursor` is None on the last page."""

    documents: list[T]
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class DocumentUnit(Generic[M]):
    """A document that a query returned, in a unit of work of its own."""

    unit: UnitOfWork
    schema: Schema[M]
    id: str

    def read(self) -> M:
        """The document, which belongs to the unit, without a round trip; raises pydantic's `ValidationError`."""
        return cast("M", self.unit.read([Key(self.schema, self.id)])[0])

    @property
    def is_readable(self) -> bool:
        """Whether the document has the form of its model; one that has not is logged."""
        try:
            self.read()
        except ValidationError as error:
            # Its own text would show what the document holds.
            wrong = {".".join(map(str, field["loc"])): field["msg"] for field in error.errors(include_input=False)}
            address = {"collection": self.schema.collection, "document_id": self.id}
            log.error("a document is malformed", extra=address | {"fields": wrong})
            return False
        return True


@dataclass(frozen=True, slots=True)
class Query(Generic[M]):
    """A query that is built step by step and run by `page`, `tracked_page`, `unit_page`, `first` or `count`.

        unit.outbox.query().where(lambda item: item.open, "==", True).order_by(lambda item: item.due_at).page()

    Conditions and orders are those of `shared.ports.store`; every shape of a query needs an index.
    """

    unit: UnitOfWork
    schema: Schema[M]
    conditions: tuple[Where, ...] = ()
    orders: tuple[Order, ...] = ()

    def where(self, field: Callable[[M], T | None], operator: Operator, value: T | None) -> Query[M]:
        return replace(self, conditions=(*self.conditions, Where(field_name(field), operator, value)))

    def where_in(self, field: Callable[[M], T | None], values: Sequence[T]) -> Query[M]:
        """The field has one of up to 30 values; none match nothing."""
        return replace(self, conditions=(*self.conditions, Where(field_name(field), "in", list(values))))

    def order_by(self, field: Callable[[M], object], *, descending: bool = False) -> Query[M]:
        return replace(self, orders=(*self.orders, Order(field_name(field), descending)))

    def page(self, limit: int = 100, cursor: str | None = None) -> DocumentPage[M]:
        """One page of documents to read: changes of them are not written."""
        return self.unit.find(self, limit, cursor)

    def tracked_page(self, limit: int = 100, cursor: str | None = None) -> DocumentPage[M]:
        """One page of documents that belong to the unit, as those that are read by their id."""
        return self.unit.find_tracked(self, limit, cursor)

    def unit_page(self, limit: int = 100, cursor: str | None = None) -> DocumentPage[DocumentUnit[M]]:
        """One page of documents, each in a unit of its own: what becomes of one does not touch the others."""
        return self.unit.find_units(self, limit, cursor)

    def every(self, page_size: int = 500) -> Iterator[M]:
        """All documents to read, fetched page by page."""
        page = self.page(page_size)
        yield from page.documents
        while page.cursor is not None:
            page = self.page(page_size, page.cursor)
            yield from page.documents

    def first(self) -> M | None:
        """The first document to read, in one round trip."""
        return next(iter(self.page(limit=1).documents), None)

    def count(self, up_to: int | None = None) -> int:
        """How many there are; counting ends at `up_to`."""
        return self.unit.count(self, up_to)


class _Field:
    """Stands in for a document and notes which of its fields is read."""

    __slots__ = ("_path",)

    def __init__(self, path: str) -> None:
        self._path = path

    def __getattr__(self, name: str) -> _Field:
        return _Field(f"{self._path}.{name}" if self._path else name)

    def __getitem__(self, name: str) -> _Field:
        return self.__getattr__(name)


_DOCUMENT = _Field("")


def field_name(field: Callable[[M], object]) -> str:
    """The dotted name of the field that a function reads, as in `lambda customer: customer.preferences.language`."""
    read: object = field(_DOCUMENT)  # type: ignore[arg-type]  # it only reads attributes
    if not isinstance(read, _Field):
        raise TypeError("a query's field is named by a function that reads one field of the model")
    return read._path
