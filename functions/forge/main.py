"""The Forge dialect as a function: `/api/forge/*` and `/api/omni/*`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from shared.http.entry import handler_for

if TYPE_CHECKING:
    from shared.http.blueprint import APIBlueprint


def blueprints() -> Sequence[APIBlueprint]:
    """All of the dialect, for this function and for those that carry several."""
    from functions.forge import omni, routes  # noqa: PLC0415 - costs cold start

    return [routes.api, omni.api]


handler = handler_for(blueprints)
