"""CORS: which web pages may call a dialect."""

from __future__ import annotations

import re

from flask import Response, request
from flask.sansio.blueprints import BlueprintSetupState

from shared.config import Settings
from shared.http.app import deps
from shared.http.blueprint import APIBlueprint

_LOCAL = re.compile(r"https?://(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?")
_METHODS = "GET, POST, PUT, PATCH, DELETE"
_HEADERS = "Authorization, Content-Type, Idempotency-Key, If-None-Match, Range, X-API-Key, X-Request-ID"
_READABLE = "Content-Disposition, Content-Range, ETag, Retry-After, X-Next-Cursor, X-Request-ID"


def cors(api: APIBlueprint) -> None:
    """Let pages of the allowed origins call the blueprint's views; a preflight needs no credential.

    They may also read the application's answer where there is no view (404, 405).
    """
    api.before_request(_preflight)
    api.after_request(_allow)
    api.record_once(_let_failures_be_read)


def _let_failures_be_read(state: BlueprintSetupState) -> None:
    of_application = state.app.after_request_funcs.setdefault(None, [])
    if _allow_unrouted not in of_application:
        of_application.append(_allow_unrouted)


def _allow_unrouted(response: Response) -> Response:
    return _allow(response) if request.url_rule is None else response


def allowed(settings: Settings, origin: str) -> bool:
    """Whether pages of this origin may call: those of `CORS_ORIGIN`, or in development without it any local one."""
    if settings.cors_origin:
        return origin in settings.cors_origin
    return not settings.production and _LOCAL.fullmatch(origin) is not None


def _preflight() -> Response | None:
    if request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers:
        return Response(status=204)
    return None


def _allow(response: Response) -> Response:
    response.headers.add("Vary", "Origin")
    origin = request.headers.get("Origin", "")
    if not allowed(deps().settings, origin):
        return response
    response.headers["Access-Control-Allow-Origin"] = origin
    response.headers["Access-Control-Allow-Credentials"] = "true"
    response.headers["Access-Control-Expose-Headers"] = _READABLE
    if request.method == "OPTIONS":
        response.headers["Access-Control-Allow-Methods"] = _METHODS
        response.headers["Access-Control-Allow-Headers"] = _HEADERS
        response.headers["Access-Control-Max-Age"] = "600"
    return response
