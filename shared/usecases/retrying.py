"""The one place where a decision is taken again because somebody else wrote first."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TypeVar

from shared.errors import Conflict

# Of its own: what draws from the shared source beside a property test makes that test fail.
_chance = random.Random()  # noqa: S311 - jitter, not a secret

T = TypeVar("T")

_ATTEMPTS = 8
_FIRST_PAUSE = 0.005


def decide(attempt: Callable[[], T]) -> T:
    """Run a function that reads, decides and commits with versions; on `Conflict` run it again, from the read on.

    The pauses grow and are random, so that contenders part. The last attempt's
    `Conflict` is raised.
    """
    for tried in range(_ATTEMPTS - 1):
        try:
            return attempt()
        except Conflict:
            longest = _FIRST_PAUSE * 2**tried
            time.sleep(_chance.uniform(0, longest))
    return attempt()
