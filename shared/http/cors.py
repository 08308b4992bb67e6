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
_HEADERS = (
    "Authorization",
    "Content-Type",
    "Idempotency-Key",
    "If-None-Match",
    "Range",
    "X-API-Key",
    "X-Request-ID",
)
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_READABLE = "Content-Disposition, Content-Range, ETag, Retry-After, X-Next-Cursor, X-Request-ID"


def cors(api: APIBlueprint) -> None:
    """Let pages of the allowed origins call the blueprint's views; a preflight needs no credential.

    They may also read the application's answer where there is no view (404, 405), and a preflight is answered there,
    too: a browser that is refused it tells its page nothing.
    """
    api.before_request(_preflight)
    api.after_request(_allow)
    api.record_once(_let_failures_be_read)


def _let_failures_be_read(state: BlueprintSetupState) -> None:
    before = state.app.before_request_funcs.setdefault(None, [])
    if _preflight_unrouted not in before:
        before.append(_preflight_unrouted)
        state.app.after_request_funcs.setdefault(None, []).append(_allow_unrouted)


def _preflight_unrouted() -> Response | None:
    return _preflight() if request.url_rule is None else None


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
        response.headers.update(preflight_headers(request.headers.get("Access-Control-Request-Headers", "")))
    return response


def preflight_headers(requested: str) -> dict[str, str]:
    """What pages of an allowed origin may send; `requested` are the names of headers that one wants to."""
    return {
        "Access-Control-Allow-Methods": _METHODS,
        "Access-Control-Allow-Headers": ", ".join([*_HEADERS, *_other_headers(requested)]),
        "Access-Control-Max-Age": "600",
    }


def _other_headers(requested: str) -> list[str]:
    """What else the page wants to send: dashboards add headers of their own, which the hub does not read."""
    allowed_already = {name.lower() for name in _HEADERS}
    names = (name.strip() for name in requested.split(","))
    return [name for name in names if _HEADER_NAME.fullmatch(name) and name.lower() not in allowed_already]
