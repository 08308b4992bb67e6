"""Loading a function pauses garbage collection and exempts the loaded objects from it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

LOADS = """
import gc
from shared.http.garbage_collection import without_garbage_collection

before = gc.get_freeze_count()
with without_garbage_collection():
    assert not gc.isenabled()
    with without_garbage_collection():
        objects = [[] for _ in range(1000)]
    assert not gc.isenabled()
assert gc.isenabled()
assert gc.get_freeze_count() - before >= len(objects)
"""

FAILS = """
import gc
from contextlib import suppress
from shared.http.garbage_collection import without_garbage_collection

with suppress(ValueError), without_garbage_collection():
    raise ValueError
assert gc.isenabled()
"""

FORKS = """
import gc, os
import shared.http.garbage_collection

child = os.fork()
if child == 0:
    os._exit(0 if gc.get_freeze_count() and gc.isenabled() else 1)
assert os.waitpid(child, 0)[1] == 0
"""


def carries_out(code: str) -> bool:
    # In a process of its own: what is frozen in this one would stay so for the tests after.
    return subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": str(ROOT)}, timeout=60).returncode == 0


def test_what_is_loaded_is_never_looked_through() -> None:
    assert carries_out(LOADS)


def test_garbage_is_looked_for_again_when_loading_failed() -> None:
    assert carries_out(FAILS)


def test_a_forked_process_leaves_alone_what_it_was_given() -> None:
    assert carries_out(FORKS)
