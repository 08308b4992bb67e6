"""Schedule, once a minute: sweep the outbox, wake the snoozed, raise wait alerts."""

from __future__ import annotations

from werkzeug.wrappers import Request, Response

from shared.deps import Deps
from shared.http.errors import answered
from shared.http.health import report
from shared.http.process import process_deps
from shared.http.push import refusal
from shared.logs import tracing
from shared.usecases.delivery import delivery
from shared.usecases.sweep import sweep


def tick(deps: Deps) -> None:
    sweep(deps)


def recover(deps: Deps) -> None:
    """At the start of a backend that only this process uses: settle what its predecessor was sending."""
    delivery.recover(deps)


def handler(request: Request) -> Response:
    return report(process_deps(), request.path) or refusal(request) or _tick(request)


def _tick(request: Request) -> Response:
    with tracing(request.headers.get("x-request-id"), request.headers.get("traceparent"), span="tick"):
        return answered(_swept)


def _swept() -> Response:
    tick(process_deps())
    return Response(status=204)
