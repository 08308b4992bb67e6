"""Documents as JSON text that SQLite can compare.

JSON has no times and no infinite numbers; they are written as strings behind a
control character, and a user's string that begins with that character gets one
more mark. Times come out so that the order of the text is the order of time.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from math import isfinite
from typing import Any, TypeAlias

import orjson

from shared.ports.store import Data, Increment, Remove, ServerTime

Json: TypeAlias = Any
"""None, bool, int, float, str, and lists and dicts of these."""

MARK = "\x01"
_STRING = MARK + "s"
_FLOAT = MARK + "f"
_PLAIN = frozenset({type(None), bool, int})


def dumps(value: Json) -> str:
    """Compact JSON text; characters beyond ASCII stay as they are, which is shorter."""
    return orjson.dumps(value).decode()


def loads(text: str) -> Json:
    """The inverse of `dumps`."""
    return orjson.loads(text)


def encode_time(moment: datetime) -> str:
    if moment.tzinfo is None:
        raise ValueError("a stored time must know its time zone")
    utc = moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    return MARK + utc.isoformat(timespec="microseconds")


def encode_string(text: str) -> str:
    return _STRING + text if text.startswith(MARK) else text


def encode(value: object, now: datetime) -> Json:
    """Turn a field's value into JSON; on a new document `Increment` counts from 0 and `ServerTime` is `now`."""
    if type(value) in _PLAIN:
        return value
    match value:
        case str():
            return encode_string(value)
        case datetime():
            return encode_time(value)
        case float():
            return value if isfinite(value) else f"{_FLOAT}{value}"
        case dict() | Mapping():
            return merged({}, value, now)
        case list() | tuple():
            return [encode(item, now) for item in value]
        case ServerTime():
            return encode_time(now)
    raise TypeError(f"a {type(value).__name__} cannot be stored")


def merged(present: dict[str, Json], changes: Mapping[str, Any], now: datetime) -> dict[str, Json]:
    """Lay the changes over a document's JSON, in place: maps deeply, everything else replaced."""
    for name, value in changes.items():
        # Nearly all fields are these; asking for a Mapping is slow.
        if type(value) in _PLAIN:
            present[name] = value
        elif type(value) is str:
            present[name] = encode_string(value)
        else:
            _merge_field(present, name, value, now)
    return present


def _merge_field(present: dict[str, Json], name: str, value: object, now: datetime) -> None:
    match value:
        case Remove():
            present.pop(name, None)
        case Increment():
            present[name] = _number(present.get(name)) + value.by
        case dict() | Mapping():
            before = present.get(name)
            present[name] = merged(before if isinstance(before, dict) else {}, value, now)
        case _:
            present[name] = encode(value, now)


def decode(value: Json) -> Any:
    """The inverse of `encode`; changes lists and maps in place."""
    if isinstance(value, str):
        return _decode_marked(value) if value.startswith(MARK) else value
    if isinstance(value, dict):
        for name, item in value.items():
            # Nearly all fields are strings without a mark, numbers or None: no call for them.
            if type(item) is str:
                if item.startswith(MARK):
                    value[name] = _decode_marked(item)
            elif type(item) is dict or type(item) is list:
                decode(item)
    elif isinstance(value, list):
        value[:] = map(decode, value)
    return value


def decode_document(text: str) -> Data:
    """A document's fields from its stored text."""
    fields: Data = decode(loads(text))
    return fields


def _decode_marked(text: str) -> str | float | datetime:
    if text.startswith(_STRING):
        return text[len(_STRING) :]
    if text.startswith(_FLOAT):
        return float(text[len(_FLOAT) :])
    return datetime.fromisoformat(text[len(MARK) :])


def _number(value: Json) -> int | float:
    """What an increment starts from."""
    return value if isinstance(value, int | float) and not isinstance(value, bool) else 0
