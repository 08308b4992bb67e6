"""What a connecting client must show, and from which web pages it may come."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared.config import Settings
from shared.deps import Deps
from shared.domain.accounts import Principal
from shared.errors import Unauthorized
from shared.http import cors
from shared.usecases.accounts.credentials import authenticate
from shared.usecases.sessions import visitors

_MAX_LENGTH = 4096


def credential_of(environ: Mapping[str, Any], auth: object) -> str | None:
    """The token in `auth: {token}`, else in `Authorization: Bearer`, else in `x-api-key`."""
    token = auth.get("token") if isinstance(auth, dict) else None
    for candidate in (token, environ.get("HTTP_AUTHORIZATION"), environ.get("HTTP_X_API_KEY")):
        if isinstance(candidate, str) and 0 < len(candidate) <= _MAX_LENGTH:
            scheme, _, rest = candidate.strip().partition(" ")
            return rest.strip() if scheme.lower() == "bearer" else candidate.strip()
    return None


def holder_of(deps: Deps, credential: str) -> Principal | visitors.Visitor:
    """The holder of an access token, API key or visitor's token; raises `Unauthorized`, also if they may not read."""
    holder = visitors.recognize(deps, credential) or authenticate(deps, credential)
    if isinstance(holder, Principal) and not holder.may_read:
        raise Unauthorized("this key may not read: it needs the scope read")
    return holder


def origin_allowed(settings: Settings, origin: object, environ: Mapping[str, Any]) -> bool:
    """As for the HTTP dialects, and the hub's own pages; a client that is no web page sends no origin, and may come."""
    if not isinstance(origin, str):
        return False
    # A proxy may speak https where we are called by http, so that only the hosts can be compared.
    return cors.allowed(settings, origin) or origin.partition("://")[2] == environ.get("HTTP_HOST", "")
