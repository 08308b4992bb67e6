"""Provider calls as a function: find the route, take the call, answer fast."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule

from functions.webhooks.views import ROUTES
from shared.errors import HubError
from shared.http.errors import error_response
from shared.http.health import LIVE, READY, report
from shared.http.limits import slow_forgers
from shared.http.process import process_deps
from shared.logs import tracing

if TYPE_CHECKING:
    from flask import Request, Response

    from shared.deps import Deps

log = logging.getLogger(__name__)


def _health(deps: Deps, request: Request) -> Response:
    from flask import Response  # noqa: PLC0415 - the framework has loaded it by the first request

    return Response(*(report(deps, request.path) or ("", 404)))


_VIEWS = {str(number): slow_forgers(view) for number, (_, _, view) in enumerate(ROUTES)} | {"health": _health}
_ROUTER = Map(
    [Rule(path, methods=[method], endpoint=str(number)) for number, (method, path, _) in enumerate(ROUTES)]
    + [Rule(path, methods=["GET"], endpoint="health") for path in (LIVE, READY)],
    strict_slashes=False,
).bind("hub")


def handler(request: Request) -> Response:
    """The function target. Routes by itself: a second Flask application inside the framework's would cost a third
    of the throughput.
    """
    headers = request.headers
    with tracing(headers.get("x-request-id"), headers.get("traceparent"), span="webhook") as trace:
        try:
            endpoint, arguments = _ROUTER.match(request.path, request.method)
            response = _VIEWS[endpoint](process_deps(), request, **arguments)
        except (HubError, HTTPException) as error:
            response = error_response(error)
        response.headers["X-Request-ID"] = trace.request_id
        return response
