"""From a set of dialects to a function target."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from werkzeug.wrappers import Request, Response

from shared.http.garbage_collection import without_garbage_collection

if TYPE_CHECKING:
    from flask import Flask

    from shared.http.blueprint import APIBlueprint

Target = Callable[[Request], Response]


def handler_for(blueprints: Callable[[], Sequence[APIBlueprint]]) -> Target:
    """Make the plain function that functions-framework and the image's server call.

    The settings are read and the backend is opened at the first request, once,
    however many come at the same time.
    """
    lock = threading.Lock()
    apps: list[Flask] = []

    def app() -> Flask:
        if not apps:
            with lock, without_garbage_collection():
                if not apps:
                    apps.append(_bootstrapped(blueprints()))
        return apps[0]

    def handler(request: Request) -> Response:
        return Response.from_app(app(), request.environ)

    return handler


def _bootstrapped(blueprints: Sequence[APIBlueprint]) -> Flask:
    # A function's import stays cheap, so that the platform sees it ready at once.
    from flask import request  # noqa: PLC0415 - costs cold start

    from shared.http.app import create_app  # noqa: PLC0415 - costs cold start
    from shared.http.health import LIVE, READY, report  # noqa: PLC0415 - costs cold start
    from shared.http.process import process_deps, warn  # noqa: PLC0415 - costs cold start

    deps = process_deps()
    if any(blueprint.abp_security for blueprint in blueprints):
        warn(deps.settings)
    app = create_app(deps, blueprints)
    served = {rule.rule for rule in app.url_map.iter_rules()}
    for path in {LIVE, READY} - served:  # a dialect may have a form of its own for them
        app.add_url_rule(path, path, lambda: report(deps, request.path) or Response(status=404))
    return app
