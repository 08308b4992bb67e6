"""A stored secret is sent only to the server that it was entered for, unless the caller may read it."""

from __future__ import annotations

from urllib.parse import urlsplit

from shared.errors import BadRequest

_AGAIN = "give it again, for the address that it is sent to is another one"


def origin(url: str) -> tuple[str, str, int | None]:
    """Scheme, host and port, for telling whether two addresses lead to the same server."""
    parts = urlsplit(url)
    return parts.scheme, (parts.hostname or "").rstrip("."), parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def check_stays(secret: str, former_url: str | None, url: str | None) -> None:
    """Raise `BadRequest`, which names the secret's field, when it would be sent to another server than before."""
    if url and (former_url is None or origin(former_url) != origin(url)):
        raise BadRequest.of_field(secret, _AGAIN)
