"""The console as a function: its page and the files of the page, which call the OmniChat dialect."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from shared.http.entry import handler_for

if TYPE_CHECKING:
    from shared.http.blueprint import APIBlueprint


def blueprints() -> Sequence[APIBlueprint]:
    """All of the console, for this function and for those that carry several."""
    from functions.console import pages  # noqa: PLC0415 - costs cold start

    return [pages.api]


handler = handler_for(blueprints)
