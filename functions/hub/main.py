"""All HTTP dialects and the webhooks in one deployable, and the list that says which those are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.http.entry import handler_for

if TYPE_CHECKING:
    from shared.http.blueprint import APIBlueprint


def blueprints() -> list[APIBlueprint]:
    """Every blueprint that the hub serves over HTTP."""
    # Imported when asked for: a function's process is ready sooner than its dialects.
    from functions.dashboard.main import blueprints as dashboard  # noqa: PLC0415 - costs cold start
    from functions.forge.main import blueprints as forge  # noqa: PLC0415 - costs cold start
    from functions.omega.main import blueprints as omega  # noqa: PLC0415 - costs cold start
    from functions.omnichat.main import blueprints as omnichat  # noqa: PLC0415 - costs cold start
    from functions.omnihub.main import blueprints as omnihub  # noqa: PLC0415 - costs cold start
    from functions.webhooks.blueprint import api as webhooks  # noqa: PLC0415 - costs cold start
    from functions.widget.main import blueprints as widget  # noqa: PLC0415 - costs cold start

    return [webhooks, *omnichat(), *omnihub(), *dashboard(), *omega(), *forge(), *widget()]


handler = handler_for(blueprints)
