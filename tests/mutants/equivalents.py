"""Mutations that no test can notice, each with the reason: they are not tried.

`equivalents.toml` names one by its file, its function and the lines that its
difference takes and gives, so that it stays the same wherever these stand.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

from tests.mutants.mutations import changed_lines

FILE = Path(__file__).with_name("equivalents.toml")


@dataclass(frozen=True, slots=True)
class Equivalent:
    path: str
    scope: str
    lines: tuple[str, ...]


def read(text: str) -> dict[Equivalent, str]:
    """Reasons by mutation."""
    return {
        Equivalent(each["path"], each["scope"], changed_lines(each["lines"])): each["reason"]
        for each in tomllib.loads(text).get("equivalent", [])
    }
