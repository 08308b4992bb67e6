"""Threads that only wait: a server may let another thread work in their place."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from contextvars import ContextVar
from typing import TypeAlias

StandIn: TypeAlias = Callable[[], AbstractContextManager[object]]
"""Makes the context in which another thread works in the place of this one."""

_stand_in: ContextVar[StandIn | None] = ContextVar("stand-in", default=None)


def set_stand_in(stand_in: StandIn) -> None:
    """Say what makes up for this thread while it is idle; a server with few threads calls it on each of them."""
    _stand_in.set(stand_in)


def idle() -> AbstractContextManager[object]:
    """The context of a long wait in which this thread does nothing."""
    stand_in = _stand_in.get()
    return nullcontext() if stand_in is None else stand_in()
