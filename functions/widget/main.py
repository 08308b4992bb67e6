"""The widget as a function: its page, its script, and what its visitors call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from shared.http.entry import handler_for

if TYPE_CHECKING:
    from shared.http.blueprint import APIBlueprint


def blueprints() -> Sequence[APIBlueprint]:
    """All of the dialect, for this function and for those that carry several."""
    from functions.widget import pages, visitors  # noqa: PLC0415 - costs cold start

    return [pages.api, visitors.api]


handler = handler_for(blueprints)
