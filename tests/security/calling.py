"""An `Outgoing` with its own settings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from shared.config import Settings
from shared.outgoing import Outgoing


@contextmanager
def outgoing(resolve: Callable[[str, int], list[str]] | None = None, **settings: object) -> Iterator[Outgoing]:
    parsed_settings = Settings.model_validate(settings)
    opened = Outgoing(parsed_settings, resolve) if resolve else Outgoing(parsed_settings)
    try:
        yield opened
    finally:
        opened.close()
