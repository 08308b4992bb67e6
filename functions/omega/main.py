"""The Omega dialect as a function: pairing the one WhatsApp account of a headless deployment, and alerts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from shared.http.entry import handler_for

if TYPE_CHECKING:
    from shared.http.blueprint import APIBlueprint


def blueprints() -> Sequence[APIBlueprint]:
    """All of the dialect, for this function and for those that carry several."""
    from functions.omega import pairing, webhook  # noqa: PLC0415 - costs cold start

    return [pairing.api, webhook.api]


handler = handler_for(blueprints)
