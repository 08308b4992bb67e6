"""Random numbers that are not secrets: jitter, document versions, trace ids.

They come from a generator of the hub's own: drawing from the one that the
standard library shares would make a property test fail that runs beside it.
Asking the operating system instead would release the interpreter's lock each time.
"""

from __future__ import annotations

import os
from random import Random

_generator = Random()  # noqa: S311 - no secret is made of it
# The workers of a server are forks of one process, and would all draw the same numbers.
os.register_at_fork(after_in_child=_generator.seed)


def uniform(low: float, high: float) -> float:
    """A number between the two, for instance seconds of a pause: those who failed together must not return together."""
    return _generator.uniform(low, high)


def hex_digits(bits: int) -> str:
    """So many random bits as hexadecimal digits, with leading zeros."""
    return f"{_generator.getrandbits(bits):0{bits // 4}x}"
