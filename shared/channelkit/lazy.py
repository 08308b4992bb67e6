"""Functions of a channel that are loaded when they are first called."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any


def lazily(module: str, name: str) -> Callable[..., Any]:
    """Stand in for a module's function, which is imported when called.

    A webhook needs `verify` and `accept` of one channel; the rest of the
    channels would be a good part of that function's cold start. Write it in the
    `else` of an `if TYPE_CHECKING` that imports the function, so that its
    signature is checked.
    """

    def call(*arguments: object, **named: object) -> Any:
        return getattr(import_module(module), name)(*arguments, **named)

    call.__name__ = name
    return call
