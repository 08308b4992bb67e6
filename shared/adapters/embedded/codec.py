"""Documents as JSON text that SQLite can compare.

JSON has no times and no infinite numbers; they are written as strings behind a
control character, and a user's string that begins with that character gets one
more mark. Times come out so that the order of the text is the order of time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
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
    kind = type(value)
    if kind in _PLAIN:
        return value
    return (_ENCODERS.get(kind) or _encoder_of(kind))(value, now)


def merged(present: dict[str, Json], changes: Mapping[str, Any], now: datetime) -> dict[str, Json]:
    """Lay the changes over a document's JSON, in place: maps deeply, everything else replaced."""
    for name, value in changes.items():
        # By the exact type, without a call for most fields: asking for a Mapping is slow.
        kind = type(value)
        if kind in _PLAIN:
            present[name] = value
        elif kind is Remove:
            present.pop(name, None)
        elif kind is Increment:
            present[name] = _number(present.get(name)) + value.by
        else:
            encoder = _ENCODERS.get(kind) or _encoder_of(kind)
            if encoder is _encode_map and isinstance(before := present.get(name), dict):
                merged(before, value, now)
            else:
                present[name] = encoder(value, now)
    return present


def _encode_map(value: Mapping[str, Any], now: datetime) -> Json:
    return merged({}, value, now)


_ENCODERS: dict[type, Callable[[Any, datetime], Json]] = {
    # `str.__str__` makes a plain string of a member of a StrEnum, for which orjson would call back into Python.
    str: lambda text, _: _STRING + text if text[:1] == MARK else str.__str__(text),
    datetime: lambda moment, _: encode_time(moment),
    float: lambda number, _: number if isfinite(number) else f"{_FLOAT}{number}",
    dict: _encode_map,
    list: lambda items, now: [encode(item, now) for item in items],
    tuple: lambda items, now: [encode(item, now) for item in items],
    ServerTime: lambda _, now: encode_time(now),
    Mapping: _encode_map,
}
"""How values of a type are encoded; `_encoder_of` adds the types that are derived from these."""


def _encoder_of(kind: type) -> Callable[[Any, datetime], Json]:
    for base, encoder in list(_ENCODERS.items()):
        if issubclass(kind, base):
            _ENCODERS[kind] = encoder
            return encoder
    raise TypeError(f"a {kind.__name__} cannot be stored")


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
