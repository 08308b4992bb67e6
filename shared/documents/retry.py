"""Running a decision again because somebody else wrote first."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from shared import pseudorandom
from shared.deps import Deps
from shared.documents.unit_of_work import UnitOfWork
from shared.errors import AlreadyExists, Conflict

T = TypeVar("T")

PATIENCE = 5.0
"""Seconds for which a decision is tried again."""

_FIRST_PAUSE = 0.005
_LONGEST_PAUSE = 0.25


def run_with_retry(
    deps: Deps,
    attempt: Callable[[UnitOfWork], T],
    *,
    create_once: bool = False,
    patience: float = PATIENCE,
    unit: UnitOfWork | None = None,
) -> T:
    """Run a decision in a unit of work and commit it; on `Conflict` run it again, from its reads on.

    A document that was created meanwhile counts as a conflict, too, and the next attempt may look at it
    (`Documents.collided_with`). With `create_once` it is the end: `AlreadyExists` is raised.
    `unit` is one that has read already, for the first attempt.
    The pauses grow and are random, so that contenders part: of many one wins each time, and the others have
    `patience` seconds until their turn has come. After that the `Conflict` is raised.
    """
    give_up_at = time.monotonic() + patience
    longest_pause = _FIRST_PAUSE
    unit = unit or UnitOfWork(deps.store)
    while True:
        try:
            outcome = _commit(unit, attempt, create_once)
            break
        except Conflict as conflict:
            pause = pseudorandom.uniform(0, longest_pause)
            if time.monotonic() + pause > give_up_at:
                raise
            cause = conflict.__cause__
        time.sleep(pause)
        longest_pause = min(_LONGEST_PAUSE, longest_pause * 2)
        unit = UnitOfWork(deps.store, cause if isinstance(cause, AlreadyExists) else None)
    unit.run_after_commit()
    return outcome


def _commit(unit: UnitOfWork, attempt: Callable[[UnitOfWork], T], create_once: bool) -> T:
    outcome = attempt(unit)
    try:
        unit.commit()
    except AlreadyExists as error:
        if create_once:
            raise
        raise Conflict(error.ref) from error
    return outcome
