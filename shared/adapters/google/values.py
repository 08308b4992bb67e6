"""Our values and paths as Firestore's protobuf messages, and back.

Messages are filled in place, field by field, so that nothing here imports
Google's libraries, and in their raw form, which is several times faster than
the wrapped one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeAlias

from shared.adapters.rules import is_addressable
from shared.errors import BadRequest
from shared.ports.store import Ref

Message: TypeAlias = Any
"""A raw protobuf message; the generated classes carry no type information."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SIMPLE_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def field_path(segments: Sequence[str]) -> str:
    """Join names to a path, quoting those that Firestore does not take bare."""
    return ".".join(name if _SIMPLE_NAME.fullmatch(name) else _quoted(name) for name in segments)


def _quoted(name: str) -> str:
    escaped = name.replace("\\", "\\\\").replace("`", "\\`")
    return f"`{escaped}`"


def document_name(root: str, ref: Ref) -> str:
    """The full name of a document below `root`; raises `BadRequest` for an id that would lead elsewhere."""
    if not is_addressable(ref.id):
        raise BadRequest(f"{ref.id[:100]!r} cannot be a document's id in {ref.collection}")
    return f"{root}/{ref.collection}/{ref.id}"


def ref_of(name: str) -> Ref:
    """The reverse of `document_name`."""
    _, collection, id_ = name.rsplit("/", 2)
    return Ref(collection, id_)


def fill(target: Message, value: object) -> None:
    """Write `value` into an empty Firestore `Value`; raises `TypeError` for what the store port does not know."""
    scalar = _SCALARS.get(type(value))
    if scalar:
        setattr(target, scalar, value)
    elif value is None:
        target.null_value = 0
    elif isinstance(value, Mapping):
        target.map_value.SetInParent()
        for key, item in value.items():
            fill(target.map_value.fields[key], item)
    elif isinstance(value, list | tuple):
        target.array_value.SetInParent()
        for item in value:
            fill(target.array_value.values.add(), item)
    elif isinstance(value, datetime):
        fill_timestamp(target.timestamp_value, value)
    elif isinstance(value, str):  # an enum of strings
        target.string_value = str.__str__(value)
    else:
        raise TypeError(f"a document cannot hold a {type(value).__name__}")


_SCALARS: Final[dict[type, str]] = {
    bool: "boolean_value",
    int: "integer_value",
    float: "double_value",
    str: "string_value",
}


def fill_timestamp(target: Message, moment: datetime) -> None:
    if moment.tzinfo is None:
        raise ValueError("a time in a document must be aware")
    since = moment - EPOCH
    target.seconds = since // timedelta(seconds=1)
    target.nanos = since.microseconds * 1000


def read_timestamp(source: Message) -> datetime:
    return EPOCH + timedelta(seconds=source.seconds, microseconds=source.nanos // 1000)


def read(source: Message) -> object:
    """The value that a Firestore `Value` holds."""
    kind = source.WhichOneof("value_type")
    special = _SPECIAL.get(kind)
    return special(source) if special else getattr(source, kind)


def read_fields(fields: Message) -> dict[str, Any]:
    """The values of a document's or a map's fields."""
    return {key: read(fields[key]) for key in fields}


_SPECIAL: Final[dict[str, Callable[[Message], object]]] = {
    "null_value": lambda source: None,
    "map_value": lambda source: read_fields(source.map_value.fields),
    "array_value": lambda source: [read(item) for item in source.array_value.values],
    "timestamp_value": lambda source: read_timestamp(source.timestamp_value),
}


def version_of(document: Message) -> str:
    """The document's update time, to the nanosecond, as an opaque version."""
    return f"{document.update_time.seconds}.{document.update_time.nanos}"


def fill_version(target: Message, version: str) -> None:
    """Write a version into a `Timestamp`; raises `ValueError` for one that `version_of` did not make."""
    seconds, nanos = version.split(".")
    target.seconds, target.nanos = int(seconds), int(nanos)
