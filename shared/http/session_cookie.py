"""The cookie of a browser's session: for what a page asks without being able to send a token with it.

It lets a page listen to events and show files, each a path of its own. Browsers send it nowhere else, and no other
operation looks at it, so that no page of somebody else can have anything changed by it.
"""

from __future__ import annotations

from collections.abc import Mapping

from flask import Request, Response

from shared.config import Settings

NAME = "hub_session"

_FILES = "/media"


def of(cookies: Mapping[str, str]) -> str:
    """The session's cookie among those of a request; empty without one."""
    return cookies.get(NAME, "")


def set_on(settings: Settings, request: Request, response: Response, value: str) -> None:
    """Have the browser keep the cookie as long as its access token is valid."""
    secure = is_tls(settings, request)
    for path in _paths(settings):
        response.set_cookie(
            NAME, value, settings.jwt_access_ttl, path=path, secure=secure, httponly=True, samesite="Lax"
        )


def clear(settings: Settings, response: Response) -> None:
    """Have the browser forget the cookie."""
    for path in _paths(settings):
        response.delete_cookie(NAME, path=path, httponly=True, samesite="Lax")


def is_tls(settings: Settings, request: Request) -> bool:
    """Whether the browser came by TLS, as it does in production unless `PUBLIC_URL` says otherwise."""
    scheme = request.headers.get("X-Forwarded-Proto", request.scheme)
    return scheme == "https" or (settings.production and not (settings.public_url or "").startswith("http://"))


def _paths(settings: Settings) -> tuple[str, str]:
    return (settings.socket_path, _FILES)
