"""The cookie of a refresh token: for pages of the hub's own, whose scripts then never hold one.

A page asks for it by `X-Refresh-Token: cookie`. Browsers send the cookie to the operations of signing in alone, and
from no page of another site; pages of the same site at another origin are refused by their `Origin`.
"""

from __future__ import annotations

from flask import Request, Response

from shared.config import Settings
from shared.errors import Forbidden
from shared.http.local_access import is_own_origin
from shared.http.session_cookie import is_tls

NAME = "hub_refresh"

_HEADER = "X-Refresh-Token"
_PATH = "/api/auth"


def is_asked_for(settings: Settings, request: Request) -> bool:
    """Whether the refresh token is to be kept in the cookie; raises `Forbidden` for a page of another origin."""
    if request.headers.get(_HEADER) != "cookie":
        return False
    if not is_own_origin(settings, request):
        raise Forbidden("Only pages of the hub itself may keep the refresh token in its cookie")
    return True


def of(request: Request) -> str:
    """The refresh token of the browser; empty without one."""
    return request.cookies.get(NAME, "")


def set_on(settings: Settings, request: Request, response: Response, token: str) -> None:
    """Have the browser keep the token as long as it is valid."""
    response.set_cookie(
        NAME,
        token,
        settings.jwt_refresh_ttl,
        path=_PATH,
        secure=is_tls(settings, request),
        httponly=True,
        samesite="Strict",
    )


def clear(response: Response) -> None:
    """Have the browser forget the token."""
    response.delete_cookie(NAME, path=_PATH, httponly=True, samesite="Strict")
