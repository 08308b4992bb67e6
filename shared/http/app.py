"""The Flask application that carries any set of dialects."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import TYPE_CHECKING, cast

from flask import Flask, Response, abort, current_app, g, request
from flask_openapi.openapi import OpenAPI
from pydantic import ValidationError
from werkzeug.exceptions import HTTPException

from shared.deps import Deps
from shared.documents import authorship
from shared.errors import ConfigurationInvalid
from shared.http.blueprint import APIBlueprint
from shared.http.bodies import JSONRequest, JSONWriter, check_text
from shared.http.documentation import documentation, template
from shared.http.errors import install_errors, invalid
from shared.http.limits import charge, client_address
from shared.http.safe_headers import missing_headers
from shared.logs import current_trace, tracing
from shared.outgoing import concurrency
from shared.security.buckets import Rate

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

log = logging.getLogger("access")

MAX_BODY = 1024 * 1024
_LONGEST = "longest_body"
_TOO_MANY = {
    "description": "Too Many Requests",
    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
}
_UNUSABLE_ID = re.compile(r"\.{1,2}|__.*__|.{513,}", re.DOTALL)


class HubApp(OpenAPI):
    """Handles each request under a trace: the caller's, or a new one."""

    def wsgi_app(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        name = f"HTTP {environ['REQUEST_METHOD']}"
        with tracing(environ.get("HTTP_X_REQUEST_ID"), environ.get("HTTP_TRACEPARENT"), span=name):
            response: Iterable[bytes] = super().wsgi_app(environ, start_response)
            return response


def create_app(deps: Deps, blueprints: Sequence[APIBlueprint], *, documented: bool = True) -> HubApp:
    """Serve the blueprints, and unless `documented` is false their OpenAPI document and Swagger UI.

    Raises `ConfigurationInvalid` when two of them serve the same method and path.
    """
    app = HubApp("hub", doc_ui=False, static_folder=None, validation_error_callback=_refuse)
    app.request_class = JSONRequest
    app.json = JSONWriter(app)
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY
    app.url_map.strict_slashes = False
    app.extensions["hub"] = deps
    app.before_request(_begin)
    app.after_request(_finish)
    app.teardown_request(_end)
    install_errors(app)
    for blueprint in blueprints:
        app.register_api(blueprint)
    if documented:
        app.register_blueprint(documentation)
    _check_routes(app)
    return app


def deps() -> Deps:
    """What the application was made with."""
    return cast("Deps", current_app.extensions["hub"])


def limit_rate(api: APIBlueprint, rate: Rate, methods: Collection[str]) -> None:
    """Answer 429 to an address that calls the blueprint's views by one of the methods too often.

    Call it after `cors` and before the views are declared, so that the document says so too.
    """
    document_limit(api)

    def check() -> None:
        if request.method in methods:
            charge(deps(), rate, client_address(deps(), request))

    api.before_request(check)


def document_limit(api: APIBlueprint) -> None:
    """Have the document say that the blueprint's views may answer 429. Call it as `limit_rate`."""
    api.abp_responses = {**(api.abp_responses or {}), "429": _TOO_MANY}


def limit_body(api: APIBlueprint, size_of: Callable[[str], int]) -> None:
    """Let the blueprint's requests have bodies of up to as many bytes as their path says, instead of `MAX_BODY`."""

    def raise_limit() -> None:
        request.max_content_length = size_of(request.path)

    setattr(api, _LONGEST, size_of)
    api.before_request(raise_limit)


def body_limit(app: Flask, method: str, path: str) -> int:
    """The maximum size of a request body at a path, in bytes, for a server that needs it before Flask does."""
    try:
        endpoint, _ = app.url_map.bind("").match(path, method)
    except HTTPException:
        return MAX_BODY
    blueprint = app.blueprints.get(endpoint.rpartition(".")[0])
    size_of: Callable[[str], int] | None = getattr(blueprint, _LONGEST, None)
    return size_of(path) if size_of else MAX_BODY


def _refuse(error: ValidationError) -> None:
    raise invalid(error)


def _begin() -> None:
    g.started = time.perf_counter()
    concurrency.begin_request()
    authorship.work_for(None)
    for text in (*(request.view_args or {}).values(), *request.args.keys(), *request.args.values()):
        check_text(str(text))
    # No document can have such an id, and Firestore does not answer such a question.
    if any(_UNUSABLE_ID.fullmatch(str(value)) for value in (request.view_args or {}).values()):
        abort(404)


def _end(error: BaseException | None) -> None:
    concurrency.end_request()
    authorship.work_for(None)


def _finish(response: Response) -> Response:
    headers = response.headers
    if trace := current_trace():
        headers["X-Request-ID"] = trace.request_id
    scheme = request.headers.get("X-Forwarded-Proto", request.scheme)
    headers.update(missing_headers(deps().settings, headers, scheme))
    headers.setdefault("Cache-Control", "no-store")
    _log_access(response)
    return response


def _log_access(response: Response) -> None:
    route = request.url_rule.rule if request.url_rule else "(no route)"
    milliseconds = (time.perf_counter() - g.started) * 1000 if "started" in g else 0.0
    log.info(
        "%s %s %d",
        request.method,
        route,
        response.status_code,
        extra={
            "method": request.method,
            "route": route,
            "status": response.status_code,
            "milliseconds": round(milliseconds, 1),
        },
    )


def _check_routes(app: Flask) -> None:
    served: set[tuple[str, str]] = set()
    for rule in app.url_map.iter_rules():
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
            route = (method, re.sub(r"\{[^}]*\}", "{}", template(rule.rule)))
            if route in served:
                raise ConfigurationInvalid(f"{method} {rule.rule} is served twice")
            served.add(route)
