"""A stored secret is sent only to the server that it was entered for, unless the caller may read it."""

from __future__ import annotations

from shared.errors import BadRequest
from shared.security.origins import origin

_AGAIN = "give it again, for the address that it is sent to is another one"


def check_stays(secret: str, former_url: str | None, url: str | None) -> None:
    """Raise `BadRequest`, which names the secret's field, when it would be sent to another server than before."""
    if url and (former_url is None or origin(former_url) != origin(url)):
        raise BadRequest.of_field(secret, _AGAIN)
