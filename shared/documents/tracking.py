"""A document that a unit of work has read or made, and the write that its changes need."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from shared.ports.store import Create, Data, Document, Increment, Merge, Ref, Remove, Write

if TYPE_CHECKING:
    from shared.documents.collection import Schema


class TrackedDocument:
    """A model that the unit writes back.

    `former` holds the fields as they were read; `version` is None for a document that is new. A guarded document is
    written even when it has not changed, so that the commit fails if somebody else has changed it.
    """

    __slots__ = ("former", "increments", "is_guarded", "model", "version")

    def __init__(self, model: BaseModel, version: str | None, former: Data) -> None:
        self.model = model
        self.version = version
        self.former = former
        self.increments: Data = {}
        self.is_guarded = False

    @classmethod
    def read(cls, schema: Schema[Any], document: Document) -> TrackedDocument:
        model = schema.parse(document.data)
        return cls(model, document.version, model.model_dump())

    @classmethod
    def new(cls, model: BaseModel) -> TrackedDocument:
        return cls(model, None, {})

    @property
    def is_new(self) -> bool:
        return self.version is None

    def assign(self, fields: Mapping[str, object]) -> None:
        """Change fields; those that are to be incremented go to the store as they are."""
        for name, value in fields.items():
            if holds_increment(value):
                self.increments[name] = value
            else:
                setattr(self.model, name, value)

    def change(self, ref: Ref) -> Write | None:
        """The write that makes the stored document what the model is now; None when it is already."""
        fields = self.model.model_dump()
        if self.is_new:
            return Create(ref, fields | self.increments)
        changed = difference(self.former, fields) | self.increments
        if not changed and self.is_guarded:
            name = next(iter(fields))
            changed = {name: fields[name]}
        return Merge(ref, changed, self.version) if changed else None


def holds_increment(value: object) -> bool:
    """Whether a field's value is, or somewhere holds, an `Increment`."""
    if isinstance(value, Mapping):
        return any(holds_increment(inner) for inner in value.values())
    return isinstance(value, Increment)


def difference(former: Mapping[str, Any], current: Mapping[str, Any]) -> Data:
    """The fields whose merge makes of `former` what `current` is: maps by what changed in them, lists whole."""
    changed: Data = {name: Remove() for name in former if name not in current}
    for name, value in current.items():
        before = former.get(name)
        if isinstance(value, dict) and isinstance(before, dict):
            if inner := difference(before, value):
                changed[name] = inner
        elif name not in former or before != value:
            changed[name] = value
    return changed
