"""Which web pages may show a widget and call its endpoints, and for which visitor: any, unless its owner lists some.

Never with cookies.
"""

from __future__ import annotations

from flask import Response, request
from pydantic import BaseModel, Field

from shared.domain.instances import Instance
from shared.errors import HubError, Unauthorized
from shared.http.app import deps
from shared.http.blueprint import APIBlueprint
from shared.usecases.sessions import visitors
from shared.usecases.sessions.visitors import Visitor

_METHODS = "GET, POST"
_HEADERS = "Authorization, Content-Type, If-None-Match, X-Request-ID"


class WidgetPath(BaseModel):
    instance: str = Field(description="The widget's id or name.")


def visitor_of(key: str) -> Visitor:
    """The visitor whose token the request shows, of the widget with this id or name.

    Raises `Unauthorized`, and `NotFound` where there is no such widget.
    """
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthorized("give the visitor's token as a bearer token")
    return visitors.authenticate(deps(), visitors.widget(deps(), key), token.strip())


def open_to_pages(api: APIBlueprint) -> None:
    """Let the pages that a widget's owner allows call the blueprint's views."""
    api.before_request(_preflight)
    api.after_request(_allow)


def framing(instance: Instance) -> str:
    """The policy that says who may show the widget's page in a frame."""
    origins = visitors.config(deps(), instance).allowed_origins
    return f"frame-ancestors 'self' {' '.join(origins)}" if origins else "frame-ancestors *"


def _preflight() -> Response | None:
    if request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers:
        return Response(status=204)
    return None


def _allow(response: Response) -> Response:
    origin = request.headers.get("Origin", "")
    allowed = _allowed_origins()
    if allowed:
        response.headers.add("Vary", "Origin")
        if origin.lower() not in allowed:
            return response
    response.headers["Access-Control-Allow-Origin"] = origin if allowed else "*"
    response.headers["Access-Control-Expose-Headers"] = "ETag, Retry-After, X-Request-ID"
    if request.method == "OPTIONS":
        response.headers["Access-Control-Allow-Methods"] = _METHODS
        response.headers["Access-Control-Allow-Headers"] = _HEADERS
        response.headers["Access-Control-Max-Age"] = "600"
    return response


def _allowed_origins() -> list[str]:
    """Empty for any; also where there is no widget, so that a page may read that."""
    key = (request.view_args or {}).get("instance", "")
    try:
        return visitors.config(deps(), visitors.widget(deps(), key)).allowed_origins if key else []
    except HubError:
        return []
