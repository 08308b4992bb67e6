"""Garbage collection in a function's process: not while it loads, and never of what it has loaded."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager

# The platform's server loads the function and then forks. A collection in the child would find no garbage among the
# loaded modules, and would copy every page of them.
os.register_at_fork(before=gc.freeze)


@contextmanager
def without_garbage_collection() -> Iterator[None]:
    """Create objects that live as long as the process; collecting them repeatedly takes a tenth of a cold start."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_enabled:
            gc.enable()
