"""The Omni-Hub dialect as a function: `/api/v1/*` with a bearer key."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from shared.http.entry import handler_for

if TYPE_CHECKING:
    from shared.http.blueprint import APIBlueprint


def blueprints() -> Sequence[APIBlueprint]:
    """All of the dialect, for this function and for those that carry several."""
    from functions.omnihub import (  # noqa: PLC0415 - costs cold start
        connection,
        installs,
        instances,
        reading,
        sending,
        traces,
    )

    return [
        instances.api,
        connection.api,
        sending.api,
        sending.plural_api,
        reading.api,
        traces.api,
        installs.api,
    ]


handler = handler_for(blueprints)
