"""When a function's process looks for garbage: not while it loads, and never in what it has loaded."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager

# The platform's server loads the function and then forks. A collection in the new process would find nothing in what
# was loaded before, and copy every page of it.
os.register_at_fork(before=gc.freeze)


@contextmanager
def uncollected() -> Iterator[None]:
    """Make what stays as long as the process: looking through it again and again is a tenth of a cold start."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if collects:
            gc.enable()
