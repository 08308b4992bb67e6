"""Provider calls as a function: find the route, take the call, answer fast."""

from __future__ import annotations

from typing import TYPE_CHECKING

from werkzeug.exceptions import HTTPException

from functions.webhooks.router import Router
from functions.webhooks.views import ROUTES, View
from shared.errors import HubError
from shared.http.errors import error_response
from shared.http.health import LIVE, READY, report
from shared.http.limits import slow_forgers
from shared.http.process import process_deps
from shared.logs import tracing

if TYPE_CHECKING:
    from flask import Request, Response

    from shared.deps import Deps


def _health(deps: Deps, request: Request) -> Response:
    from flask import Response  # noqa: PLC0415 - the framework has loaded it by the first request

    return Response(*(report(deps, request.path) or ("", 404)))


_ROUTER: Router[View] = Router(
    [(method, path, slow_forgers(view)) for method, path, view in ROUTES]
    + [("GET", path, _health) for path in (LIVE, READY)]
)


def handler(request: Request) -> Response:
    """The function target. Routes by itself: a second Flask application inside the framework's would cost a third
    of the throughput.
    """
    headers = request.headers
    with tracing(headers.get("x-request-id"), headers.get("traceparent"), span="webhook") as trace:
        try:
            view, arguments = _ROUTER.match(request.method, request.path)
            response = view(process_deps(), request, **arguments)
        except (HubError, HTTPException) as error:
            response = error_response(error)
        response.headers["X-Request-ID"] = trace.request_id
        return response
