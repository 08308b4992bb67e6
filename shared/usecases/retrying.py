"""The one place where a decision is taken again because somebody else wrote first."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from shared import pseudorandom
from shared.errors import Conflict

T = TypeVar("T")

_PATIENCE = 5.0
_FIRST_PAUSE = 0.005
_LONGEST_PAUSE = 0.25


def decide(attempt: Callable[[], T], patience: float = _PATIENCE) -> T:
    """Run a function that reads, decides and commits with versions; on `Conflict` run it again, from the read on.

    The pauses grow and are random, so that contenders part: of many one wins each time, and the others have
    `patience` seconds until their turn has come. After that the `Conflict` is raised.
    """
    given_up_at = time.monotonic() + patience
    longest = _FIRST_PAUSE
    while True:
        try:
            return attempt()
        except Conflict:
            pause = pseudorandom.uniform(0, longest)
            if time.monotonic() + pause > given_up_at:
                raise
        time.sleep(pause)
        longest = min(_LONGEST_PAUSE, longest * 2)
