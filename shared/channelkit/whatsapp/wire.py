"""Reading WhatsApp's protocol buffers in JSON, whose encodings differ by program and version; nothing in it is trusted.

Bytes come as base64 text, as an object of index to byte, or as Node's
`{"type": "Buffer"}`; 64-bit integers as a number, as text, or as
`{low, high, unsigned}` with a signed `low`; enums as names or numbers.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

Fields = Mapping[str, object]

EPOCH = datetime.fromtimestamp(0, UTC)
_MOST_BYTES = 4096
# WhatsApp began in 2009; what lies after 2100 is no time in seconds.
_FIRST_SECOND, _LAST_SECOND = 1_230_768_000, 4_102_444_800


def fields(value: object) -> Fields:
    """An object's fields; none when it is not an object."""
    return value if isinstance(value, Mapping) else {}


def objects(value: object) -> list[Fields]:
    """The objects of an array; none when it is not an array."""
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def text(value: object) -> str | None:
    """Text that is not blank."""
    return value if isinstance(value, str) and value.strip() else None


def short(value: object) -> str | None:
    """Text that is not blank, up to a length that names and titles do not reach."""
    full = text(value)
    return full[:1_000] if full else None


def boolean(value: object) -> bool:
    return value is True


def integer(value: object) -> int | None:
    """A 64-bit integer in any of its encodings."""
    if isinstance(value, Mapping):
        return _long(value)
    if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,19}", value):
        value = int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if -(2**63) <= value < 2**63 else None


def _long(value: Fields) -> int | None:
    low, high = value.get("low"), value.get("high")
    if type(low) is not int or type(high) is not int:
        return None
    return integer((high << 32) + (low & 0xFFFFFFFF)) if abs(high) < 2**32 else None


def number(value: object) -> float | None:
    """A finite number."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if abs(value) < 1e15 else None


def enum(value: object, names: Mapping[int, str]) -> str | None:
    """An enum's name, whether it came as name or number."""
    if isinstance(value, str) and not value.isdigit():
        return value.upper()
    return names.get(code) if (code := integer(value)) is not None else None


def encoded_bytes(value: object) -> str | None:
    """Bytes in any of their encodings, as base64 text."""
    if isinstance(value, str):
        return value if re.fullmatch(r"[A-Za-z0-9+/=_-]{1,8192}", value) else None
    numbers = _byte_list(value)
    if not 0 < len(numbers) <= _MOST_BYTES:
        return None
    if not all(type(number) is int and 0 <= number < 256 for number in numbers):
        return None
    return base64.b64encode(bytes(numbers)).decode()


def decoded_bytes(value: object) -> bytes | None:
    """Bytes in any of their encodings."""
    encoded = encoded_bytes(value)
    try:
        return base64.b64decode(encoded, validate=True) if encoded else None
    except binascii.Error:
        return None


def _byte_list(value: object) -> list[Any]:
    if not isinstance(value, Mapping):
        return []
    if value.get("type") == "Buffer":
        data = value.get("data")
        return data if isinstance(data, list) else []
    # The keys count up from 0, but a JSON object promises no order.
    return [value.get(str(index)) for index in range(len(value))]


def moment(value: object) -> datetime:
    """A time given in seconds or milliseconds; 1970 when it is missing or cannot be one.

    The caller knows when the event arrived and takes that instead of 1970.
    """
    stamp = integer(value)
    if stamp is not None and stamp > _LAST_SECOND:
        stamp //= 1000
    if stamp is None or not _FIRST_SECOND <= stamp <= _LAST_SECOND:
        return EPOCH
    return datetime.fromtimestamp(stamp, UTC)
