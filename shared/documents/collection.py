"""One collection of documents, as a unit of work gives access to it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast, overload

from pydantic import BaseModel

from shared.documents.query import DocumentUnit, Key, Query
from shared.errors import NotFound
from shared.ports.store import Data, Ref

if TYPE_CHECKING:
    from shared.documents.unit_of_work import UnitOfWork

M = TypeVar("M", bound=BaseModel)


class Schema(Generic[M]):
    """Where documents of one model lie, and where each one's id stands.

    `model` is written `module:class` and imported with the first document: a function starts without most models. A
    collection that holds several models names a function that reads any of them.
    `noun` is what an error calls such a document, `not_found` the whole error where a dialect documents it. `id_of`
    tells a document's id where the model has no field `id`.
    """

    def __init__(
        self,
        collection: str,
        model: str,
        noun: str,
        id_of: Callable[[M], str] | None = None,
        not_found: str | None = None,
    ) -> None:
        self.collection = collection
        self.not_found = not_found or f"There is no such {noun}"
        self._model_path = model
        self._id_of = id_of

    @cached_property
    def model(self) -> type[M] | None:
        """The model; None where the collection holds several."""
        return self._target if isinstance(self._target, type) else None

    @cached_property
    def _target(self) -> Any:
        module, _, name = self._model_path.partition(":")
        return getattr(import_module(module), name)

    def ref(self, document_id: str) -> Ref:
        return Ref(self.collection, document_id)

    def id_of(self, document: M) -> str:
        return self._id_of(document) if self._id_of else str(cast("Any", document).id)

    @cached_property
    def parse(self) -> Callable[[Data], M]:
        """Reads a document's fields; raises pydantic's `ValidationError`."""
        return self.model.model_validate if self.model is not None else self._target

    def check_fields(self, fields: Mapping[str, object]) -> None:
        """Raise `AttributeError` for a field that the model does not have."""
        if self.model is None:
            raise AttributeError(
                f"documents of {self.collection} have several models: patch them by another collection"
            )
        unknown = fields.keys() - self.model.model_fields.keys()
        if unknown and self.model.model_config.get("extra") != "allow":
            raise AttributeError(f"{self.model.__name__} has no field {', '.join(sorted(unknown))}")


class Documents(Generic[M]):
    """What any collection offers within a unit of work.

    Documents that are read by their id, or by `Query.tracked_page`, belong to the unit: change their fields by plain
    assignment, and the unit's commit writes what has changed, at the version that was read.
    """

    __slots__ = ("_schema", "_unit")

    def __init__(self, unit: UnitOfWork, schema: Schema[M]) -> None:
        self._unit = unit
        self._schema = schema

    def key(self, document_id: str) -> Key:
        """What `UnitOfWork.fetch` takes, to read documents of several collections in one round trip."""
        return Key(self._schema, document_id)

    def add(self, document: M, document_id: str | None = None) -> M:
        """Create the document with the commit, which raises `AlreadyExists` when there is one with its id.

        It may still be changed before the commit.
        """
        self._unit.add(Key(self._schema, document_id or self._schema.id_of(document)), document)
        return document

    def put(self, document: M, document_id: str | None = None) -> M:
        """Write the whole document with the commit: over the one that this unit has read, else over any."""
        self._unit.put(Key(self._schema, document_id or self._schema.id_of(document)), document)
        return document

    def remove(self, document_id: str) -> None:
        """Delete the document with the commit; one that this unit has read only as it was read."""
        self._unit.remove(Key(self._schema, document_id))

    def patch(self, document_id: str, **fields: object) -> None:
        """Write these fields with the commit, whatever the document holds by then; makes it when it is absent.

        A value may be an `Increment`, or a mapping that holds some. Raises `AttributeError` for a field that the model
        does not have. A document that this unit has read is changed as if its fields were assigned.
        """
        self._schema.check_fields(fields)
        self._unit.patch(Key(self._schema, document_id), fields)

    def change(self, document: M, changes: Mapping[str, object]) -> None:
        """Assign fields of a document, with each value checked and converted as the model says.

        Raises `AttributeError` for a field that the model does not have, pydantic's `ValidationError` for a value.
        """
        self._schema.check_fields(changes)
        checked = self._schema.parse({**document.model_dump(), **changes})
        for name in changes:
            setattr(document, name, getattr(checked, name))

    def expect_unchanged(self, document: M) -> None:
        """Have the commit fail with `Conflict` if this document, read in this unit, was changed meanwhile.

        Of a document that the unit changes this is so anyway. It does not part two units that both change nothing: a
        store may keep the version then.
        """
        self._unit.expect_unchanged(Key(self._schema, self._schema.id_of(document)))

    def collided_with(self, document_id: str) -> M | None:
        """The document because of which the attempt before this one could not create it; else None.

        For decisions that `run_with_retry` runs. Costs a read only where the store does not return the document
        with its error.
        """
        key = self.key(document_id)
        return self._read([document_id])[0] if self._unit.may_have_collided(key.ref) else None

    def in_units(self, document_ids: Iterable[str]) -> list[DocumentUnit[M]]:
        """Those that exist, each in a unit of its own, read in one round trip.

        Nobody's tenant is checked: only for ids that no caller can choose.
        """
        return self._unit.read_units([self.key(document_id) for document_id in document_ids])

    def query(self) -> Query[M]:
        """Begin a query over the collection; one of a tenant's documents names the tenant first."""
        return Query(self._unit, self._schema)

    def _read(self, document_ids: Iterable[str]) -> list[M | None]:
        return cast("list[M | None]", self._unit.read([self.key(document_id) for document_id in document_ids]))


class SharedDocuments(Documents[M]):
    """Documents that belong to no tenant, or whose id nobody but their tenant knows."""

    __slots__ = ()

    def get(self, document_id: str) -> M | None:
        """Return the document, or None. One that the unit has read already costs no round trip."""
        return self._read([document_id])[0]

    def get_many(self, document_ids: Iterable[str]) -> list[M]:
        """Return those that exist, in the order of their ids, in one round trip."""
        return [document for document in self._read(dict.fromkeys(document_ids)) if document is not None]


class TenantDocuments(Documents[M]):
    """Documents that belong to tenants: by id each tenant finds its own alone."""

    __slots__ = ()

    def owned(self, tenant_id: str, document_id: str) -> M:
        """Return the tenant's document; raises `NotFound` for an unknown id and for another tenant's alike."""
        document = self.owned_or_none(tenant_id, document_id)
        if document is None:
            raise NotFound(self._schema.not_found)
        return document

    def owned_or_none(self, tenant_id: str, document_id: str) -> M | None:
        """Return the tenant's document; None for an unknown id and for another tenant's alike."""
        return of_tenant(tenant_id, self._read([document_id])[0])

    def owned_many(self, tenant_id: str, document_ids: Iterable[str]) -> list[M]:
        """Return those that are the tenant's, in the order of their ids, in one round trip."""
        documents = self._read(dict.fromkeys(document_ids))
        return [
            document for document in documents if of_tenant(tenant_id, document) is not None and document is not None
        ]

    def of_any_tenant(self, document_id: str) -> M | None:
        """Return the document whosever it is: only for ids that no caller can choose, a webhook's address for one."""
        return self._read([document_id])[0]


def of_tenant(tenant_id: str, document: M | None) -> M | None:
    """The document if it is the tenant's, else None: for one that was not read by `owned`, out of a cache for one."""
    return document if document is not None and cast("Any", document).tenant_id == tenant_id else None


class SharedCollection(Schema[M]):
    """A collection of `SharedDocuments`; a class attribute of the unit of work."""

    @overload
    def __get__(self, unit: None, owner: type) -> SharedCollection[M]: ...
    @overload
    def __get__(self, unit: UnitOfWork, owner: type) -> SharedDocuments[M]: ...
    def __get__(self, unit: UnitOfWork | None, owner: type) -> SharedCollection[M] | SharedDocuments[M]:
        return self if unit is None else SharedDocuments(unit, self)


class TenantCollection(Schema[M]):
    """A collection of `TenantDocuments`; a class attribute of the unit of work."""

    @overload
    def __get__(self, unit: None, owner: type) -> TenantCollection[M]: ...
    @overload
    def __get__(self, unit: UnitOfWork, owner: type) -> TenantDocuments[M]: ...
    def __get__(self, unit: UnitOfWork | None, owner: type) -> TenantCollection[M] | TenantDocuments[M]:
        return self if unit is None else TenantDocuments(unit, self)
