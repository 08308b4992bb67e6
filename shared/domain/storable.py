"""Which JSON the hub reads, and which of it every store can keep. The embedded one alone would keep more; Firestore's
limits are told in https://firebase.google.com/docs/firestore/quotas and
https://cloud.google.com/firestore/docs/reference/rest/v1/Value.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping

# Firestore takes 20 levels; the documents that hold a value put a few around it.
MAX_DEPTH = 16
TOO_DEEP = f"The body is nested more than {MAX_DEPTH} levels deep"

_INT64 = 2**63
_MAX_NAME_BYTES = 1500
_RESERVED = re.compile(r"__.*__", re.DOTALL)


def check_readable(value: object) -> None:
    """Raise `ValueError`, saying why, for JSON that is too deep or holds texts or numbers that no store takes."""
    _check(value, _parts)


def check_storable(value: object, kilobytes: int | None = None) -> None:
    """Raise `ValueError`, saying why, for JSON that some store cannot keep as it is, or longer than that."""
    _check(value, _storable_parts)
    if kilobytes is not None and len(json.dumps(value)) > kilobytes * 1024:
        raise ValueError(f"must be shorter than {kilobytes} kB")


def check_text(text: str) -> None:
    """Raise `ValueError` for NUL characters, and for halves of surrogate pairs."""
    if "\0" in text:
        raise ValueError("Text must not hold NUL characters")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("Text must not hold lone surrogates") from None


def check_integer(number: int) -> None:
    """Raise `ValueError` for one of more than 64 bits."""
    if not -_INT64 <= number < _INT64:
        raise ValueError("Whole numbers must fit into 64 bits")


def _check(value: object, parts: Callable[[object], Iterable[object]]) -> None:
    level = [value]
    for _ in range(MAX_DEPTH + 1):
        level = [part for item in level for part in parts(item)]
        if not level:
            return
    raise ValueError(TOO_DEEP)


def _parts(item: object) -> Iterable[object]:
    """What lies in it one level deeper, once it was looked at itself."""
    if isinstance(item, str):
        check_text(item)
    elif isinstance(item, int):
        check_integer(item)
    elif isinstance(item, dict):
        for name in item:
            check_text(name)
        return item.values()
    return item if isinstance(item, list) else ()


def _storable_parts(item: object) -> Iterable[object]:
    if isinstance(item, dict):
        _check_names(item)
    elif isinstance(item, list) and any(isinstance(each, list) for each in item):
        raise ValueError("A list must not lie directly in another list: put an object between them")
    return _parts(item)


def _check_names(item: Mapping[str, object]) -> None:
    for name in item:
        if not 0 < len(name.encode("utf-8", "replace")) <= _MAX_NAME_BYTES or _RESERVED.fullmatch(name):
            raise ValueError(f"Names inside must have 1 to {_MAX_NAME_BYTES} bytes, and not be like __this__")
