"""The store's writes as Firestore `Write` messages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from shared.adapters.google.values import Message, document_name, field_path, fill, fill_version
from shared.errors import Conflict
from shared.ports.store import Create, Delete, Increment, Merge, Ref, Remove, ServerTime, Write

_PLACEHOLDER: Final = "-"


def add_write(writes: Message, write: Write, root: str) -> None:
    """Append `write` to a commit's list of `Write` messages, with its precondition.

    Increments and server times become field transforms of the same write, which
    Firestore carries out after it. So an increment in a `Set` counts from 0.
    """
    target = writes.add()
    name = document_name(root, write.ref)
    if isinstance(write, Create):
        target.current_document.exists = False
    elif write.version is not None:
        _expect_version(target, write.ref, write.version)
    if isinstance(write, Delete):
        target.delete = name
        return
    target.update.name = name
    if not isinstance(write, Merge):
        for path, value in _leaves(write.data, ()):
            _fill_leaf(target, path, value)
        return
    emptied = _fill_merge(target, write.data)
    if emptied:
        second = writes.add()
        second.update.name = name
        second.update_mask.field_paths.extend(emptied)


def _fill_merge(target: Message, data: Mapping[str, object]) -> list[str]:
    """Fill a write that merges; returns the paths that a second write must remove.

    An empty map in the mask would replace the map that is there, and without it
    none is made. So a field is put into the map, and taken away again.
    """
    # Present but without paths, the mask keeps the fields of a write that only transforms.
    target.update_mask.SetInParent()
    placeholders = []
    for path, value in _leaves(data, ()):
        if isinstance(value, Mapping):
            path, value = (*path, _PLACEHOLDER), True
            placeholders.append(field_path(path))
        if not isinstance(value, Increment | ServerTime):
            target.update_mask.field_paths.append(field_path(path))
        if not isinstance(value, Remove):
            _fill_leaf(target, path, value)
    return placeholders


def _expect_version(target: Message, ref: Ref, version: str) -> None:
    try:
        fill_version(target.current_document.update_time, version)
    except ValueError as error:  # no version of ours, so not this document's
        raise Conflict(ref) from error


def _leaves(data: Mapping[str, object], above: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], object]]:
    for name, value in data.items():
        path = (*above, name)
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, path)
        else:
            yield path, value


def _fill_leaf(target: Message, path: tuple[str, ...], value: object) -> None:
    if isinstance(value, Increment):
        fill(target.update_transforms.add(field_path=field_path(path)).increment, value.by)
    elif isinstance(value, ServerTime):
        transform = target.update_transforms.add(field_path=field_path(path))
        transform.set_to_server_value = transform.REQUEST_TIME
    else:
        fill(_field_at(target.update.fields, path), value)


def _field_at(fields: Message, path: tuple[str, ...]) -> Message:
    for name in path[:-1]:
        fields = fields[name].map_value.fields
    return fields[path[-1]]
