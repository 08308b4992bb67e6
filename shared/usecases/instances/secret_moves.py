"""A stored secret goes to the server that it was given for, and to no other at the wish of who may not read it."""

from __future__ import annotations

from urllib.parse import urlsplit

from shared.errors import BadRequest

_AGAIN = "give it again, for the address that it is sent to is another one"


def origin(url: str) -> tuple[str, str, int | None]:
    """Scheme, host and port, for telling whether two addresses lead to the same server."""
    parts = urlsplit(url)
    return parts.scheme, (parts.hostname or "").rstrip("."), parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def check_stays(secret: str, former: str | None, wanted: str | None) -> None:
    """Raise `BadRequest`, which names the secret's field, when it would go elsewhere than to its former address."""
    if wanted and (former is None or origin(former) != origin(wanted)):
        raise BadRequest(f"{secret}: {_AGAIN}", {secret: _AGAIN})
