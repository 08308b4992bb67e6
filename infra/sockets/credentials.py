"""What a connecting client must show, and from which web pages it may come."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared.config import Settings
from shared.http import cors

_MAX_LENGTH = 4096


def credential_of(environ: Mapping[str, Any], auth: object) -> str | None:
    """The token in `auth: {token}`, else in `Authorization: Bearer`, else in `x-api-key`."""
    token = auth.get("token") if isinstance(auth, dict) else None
    for given in (token, environ.get("HTTP_AUTHORIZATION"), environ.get("HTTP_X_API_KEY")):
        if isinstance(given, str) and 0 < len(given) <= _MAX_LENGTH:
            scheme, _, rest = given.strip().partition(" ")
            return rest.strip() if scheme.lower() == "bearer" else given.strip()
    return None


def origin_allowed(settings: Settings, origin: object) -> bool:
    """The rule of the HTTP dialects; a client that is no web page sends no origin and is not asked."""
    return isinstance(origin, str) and cors.allowed(settings, origin)
