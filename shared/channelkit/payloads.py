"""Reading what providers post: JSON that is safe to store, and shapes that are checked."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable
from typing import Any, NoReturn, TypeVar

from pydantic import BaseModel, ValidationError

from shared.errors import PayloadInvalid

M = TypeVar("M", bound=BaseModel)

MAX_DEPTH = 64
MOST_VALUES = 200_000
"""Values in one body: each takes many times the memory of the few bytes that it was sent in."""

_SURROGATE = re.compile("[\ud800-\udfff]")
_ESCAPED_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


def json_object(provider: str, body: bytes, *, half_character: str = "?") -> dict[str, Any]:
    """The body as a JSON object; raises `PayloadInvalid`.

    What JSON cannot hold (NaN, infinity), what is nested deeper than `MAX_DEPTH` and
    what has more than `MOST_VALUES` is refused, and half a surrogate pair becomes `half_character`, for
    no store could take them.
    """
    if len(body) > MOST_VALUES and sum(body.count(mark) for mark in (b",", b"{", b"[")) > MOST_VALUES:
        raise PayloadInvalid(f"{provider}: the body has too many values")
    try:
        value = _DECODER.decode(body.decode(json.detect_encoding(body), "surrogatepass"))
        if isinstance(value, dict) and _ESCAPED_SURROGATE.search(body):
            value = _DECODER.decode(_SURROGATE.sub(half_character, json.dumps(value, ensure_ascii=False)))
    except (ValueError, RecursionError) as error:
        raise PayloadInvalid(f"{provider}: the body is not JSON") from error
    if not isinstance(value, dict):
        raise PayloadInvalid(f"{provider}: the body is not a JSON object")
    if body.count(b"{") + body.count(b"[") > MAX_DEPTH and _deeper_than(value, MAX_DEPTH):
        raise PayloadInvalid(f"{provider}: the body is nested too deep")
    return value


def _deeper_than(value: object, limit: int) -> bool:
    level: list[object] = [value]
    for _ in range(limit):
        level = [child for item in level for child in _children(item)]
    return bool(level)


def _children(value: object) -> Iterable[object]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def checked(provider: str, model: type[M], value: object) -> M:
    """The value as that model; raises `PayloadInvalid`, which names the field and never its content."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(step) for step in first["loc"])
        raise PayloadInvalid(f"{provider}: {where}: {first['msg']}") from None


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)


def _integer(digits: str) -> int | float:
    """One of 64 bits, which every store keeps; a larger one loses digits."""
    number = int(digits) if len(digits) < 20 else None
    return number if number is not None and -(2**63) <= number < 2**63 else _finite(digits)


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError("a number is too large")
    return number


# `json.loads` would make one for every call.
_DECODER = json.JSONDecoder(parse_constant=_refuse, parse_float=_finite, parse_int=_integer)
