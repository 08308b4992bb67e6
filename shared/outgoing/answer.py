"""What another system answered."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shared.errors import bounded_pause


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer, read whole. Header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")

    @property
    def is_page(self) -> bool:
        """Whether it is a web page: many a server has one for every address, and answers 200 with it."""
        return re.match(rb"\s*<(!doctype html|html)\b", self.body, re.IGNORECASE) is not None

    def json(self) -> Any:
        """The body as JSON; None when it is not, or is nested too deeply to be read, and for infinite numbers."""
        try:
            return json.loads(self.body, parse_float=_finite_or_none, parse_constant=_finite_or_none)
        except (ValueError, RecursionError):
            return None

    @property
    def retry_after(self) -> float | None:
        """The `Retry-After` header in seconds, a day at most, when it is a number."""
        try:
            return bounded_pause(finite(self.headers.get("retry-after", "")))
        except ValueError:
            return None


def _finite_or_none(text: str) -> float | None:
    number = float(text)
    return number if math.isfinite(number) else None


def finite(text: str) -> float:
    """The number that a text says; raises `ValueError` for infinity and what is no number."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("a number is not finite")
    return number
