"""The document's printed examples."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

_GOLDEN = Path(__file__).parents[2] / "golden" / "dashboard"


def golden(name: str) -> Any:
    return json.loads((_GOLDEN / f"{name}.json").read_text("utf-8"))


def shape(value: Any) -> Any:
    """Keys in their order and types, without the values; an integer may stand for a number."""
    if isinstance(value, dict):
        return [(name, shape(item)) for name, item in value.items()]
    if isinstance(value, list):
        return [shape(item) for item in value]
    return "number" if type(value) in (int, float) else type(value).__name__
