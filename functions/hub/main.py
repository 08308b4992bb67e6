"""All HTTP dialects and the webhooks in one deployable, and the list that says which those are."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

from shared.http.entry import Target, handler_for

if TYPE_CHECKING:
    from werkzeug.wrappers import Request, Response

    from shared.http.blueprint import APIBlueprint

# The longest one that a path begins with, segment by segment, says whose it is; all others are the dashboard's.
DOORS = {
    "/webhook": "webhooks",
    "/api/telegram/bot/webhook": "webhooks",
    "/api/facebook/webhook": "webhooks",
    "/api": "omnichat",
    "/api/v1": "omnihub",
    "/oauth": "omnihub",
    "/api/health": "omega",
    "/api/pair": "omega",
    "/api/webhook": "omega",
    "/api/forge": "forge",
    "/api/omni": "forge",
    "/widget": "widget",
    "/": "console",
    "/console": "console",
}
# The description of all dialects together needs them all.
_DESCRIBED_AT = "/api/v1/docs", "/api/v1/openapi.json"


def blueprints() -> list[APIBlueprint]:
    """Every blueprint that the hub serves over HTTP."""
    # Imported when asked for: a function's process is ready sooner than its dialects.
    from functions.console.main import blueprints as console  # noqa: PLC0415 - costs cold start
    from functions.dashboard.main import blueprints as dashboard  # noqa: PLC0415 - costs cold start
    from functions.forge.main import blueprints as forge  # noqa: PLC0415 - costs cold start
    from functions.omega.main import blueprints as omega  # noqa: PLC0415 - costs cold start
    from functions.omnichat.main import blueprints as omnichat  # noqa: PLC0415 - costs cold start
    from functions.omnihub.main import blueprints as omnihub  # noqa: PLC0415 - costs cold start
    from functions.webhooks.blueprint import api as webhooks  # noqa: PLC0415 - costs cold start
    from functions.widget.main import blueprints as widget  # noqa: PLC0415 - costs cold start

    return [webhooks, *omnichat(), *omnihub(), *dashboard(), *omega(), *forge(), *widget(), *console()]


_all = handler_for(blueprints)


def handler(request: Request) -> Response:
    """The function target: hands over to the dialect whose path it is, which is loaded when it is first called."""
    if request.path.startswith(_DESCRIBED_AT):
        return _all(request)
    return _target(dialect_of(request.path))(request)


def dialect_of(path: str) -> str:
    """The folder in `functions/` that serves a path."""
    while path:
        if path in DOORS:
            return DOORS[path]
        path = path.rpartition("/")[0]
    return "dashboard"


@cache
def _target(name: str) -> Target:
    target: Target = import_module(f"functions.{name}.main").handler
    return target
