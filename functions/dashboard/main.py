"""The Dashboard dialect as a function."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from shared.http.entry import handler_for

if TYPE_CHECKING:
    from shared.http.blueprint import APIBlueprint


def blueprints() -> Sequence[APIBlueprint]:
    """All of the dialect, for this function and for those that carry several."""
    from functions.dashboard import (  # noqa: PLC0415 - costs cold start
        analytics,
        campaigns,
        channels,
        customers,
        integrations,
        media,
        messages,
        notifications,
        page_calls,
        ratings,
        rooms,
        routing,
        sessions,
        system,
    )

    modules = (
        system,
        channels,
        sessions,
        rooms,
        messages,
        media,
        customers,
        analytics,
        campaigns,
        routing,
        ratings,
        notifications,
        integrations,
        page_calls,
    )
    return [module.api for module in modules]


handler = handler_for(blueprints)
