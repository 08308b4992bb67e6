"""Imports everything that the project and its tests import, except themselves.

The fork server imports this module once; what it forks then starts with pytest,
pydantic and Google's libraries loaded, and imports only the project, of which one
module may be a mutant.
"""

from __future__ import annotations

import ast
import contextlib
import importlib
from collections.abc import Iterator
from pathlib import Path

from tests.mutants import plugins  # noqa: F401 - loads them

PROJECT = ("shared", "functions", "infra", "tests")

_LEFT_OUT = ("neonize",)
"""Libraries that start threads or programs when they are imported. What is forked then has their open pipes: the first
test that starts a program would be warned of these, and fail whatever the mutant is."""


def imported_names(source: str) -> Iterator[str]:
    """Modules of others that a source imports, anywhere in it; of `from a import b` both `a` and `a.b`."""
    for node in ast.walk(ast.parse(source)):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        yield from (name for name in names if name.partition(".")[0] not in (*PROJECT, *_LEFT_OUT, "__future__"))


def _preload() -> None:
    sources = (path.read_text("utf-8") for top in PROJECT for path in sorted(Path(top).rglob("*.py")))
    for name in dict.fromkeys(name for source in sources for name in imported_names(source)):
        with contextlib.suppress(Exception):  # the name of a function or class, or a library of another platform
            importlib.import_module(name)


_preload()
