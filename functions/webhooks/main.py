"""Provider calls as a function: find the route, take the call, answer fast."""

from __future__ import annotations

from werkzeug.wrappers import Request, Response

from functions.webhooks.router import Router
from functions.webhooks.views import ROUTES, View, hiding_channels
from shared.deps import Deps
from shared.http.errors import answered
from shared.http.health import LIVE, READY, report
from shared.http.limits import slow_forgers
from shared.http.process import process_deps
from shared.http.safe_headers import missing_headers
from shared.logs import tracing


def _health(deps: Deps, request: Request) -> Response:
    return report(deps, request.path) or Response(status=404)


_ROUTER: Router[View] = Router(
    [(method, path, slow_forgers(hiding_channels(view))) for method, path, view in ROUTES]
    + [("GET", path, _health) for path in (LIVE, READY)]
)


def handler(request: Request) -> Response:
    """The function target. Routes by itself: a second Flask application inside the framework's would cost a third
    of the throughput.
    """
    headers = request.headers
    with tracing(headers.get("x-request-id"), headers.get("traceparent"), span="webhook") as trace:
        response = answered(lambda: _called(request))
        response.headers["X-Request-ID"] = trace.request_id
        response.headers.update(missing_headers(process_deps().settings, response.headers))
        return response


def _called(request: Request) -> Response:
    view, arguments = _ROUTER.match(request.method, request.path)
    return view(process_deps(), request, **arguments)
