"""Node.js, and the packages for it that `.ci/run` installs: the environment's own, else the machine's."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from tests.adapters.backends import emulators

ROOT = Path(__file__).parents[1]
JAVASCRIPT = Path(__file__).parent / "javascript"
"""The folder of the JavaScript clients that tests run."""


def executable() -> str | None:
    return shutil.which("node", path=str(Path(sys.executable).parent)) or shutil.which("node")


def missing(folder: Path) -> str | None:
    """Why the packages of a folder cannot be run here, or None."""
    if executable() is None:
        return "this needs Node.js 20 or newer"
    if not (folder / "node_modules").exists():
        return f"npm ci --ignore-scripts --prefix {folder.relative_to(ROOT)} installs what this needs"
    return None


def need(folder: Path, variable: str) -> str:
    """Node.js; without it or the folder's packages the test is skipped, or fails where the variable is 1."""
    reason = missing(folder)
    if reason and emulators.environment(variable) == "1":
        pytest.fail(f"{variable}=1, but {reason}")
    if reason:
        pytest.skip(reason)
    return executable() or "node"
