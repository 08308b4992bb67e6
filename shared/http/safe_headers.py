"""The headers that keep browsers safe, for whoever answers: the application, a plain function, the server itself.

They suit what is no page: nothing in it is run or loaded, and nobody shows it in a frame. A page brings a policy of its
own, in which `frame-ancestors` says who may.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from shared.config import Settings

POLICY: Final = "Content-Security-Policy"
NO_FRAME: Final = "frame-ancestors 'none'"
_NOT_FRAMED: Final = {"X-Frame-Options": "DENY"}
"""For browsers that do not read the policy's word on frames."""

_NO_PAGE: Final = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    POLICY: f"default-src 'none'; base-uri 'none'; form-action 'none'; {NO_FRAME}",
}
_ONLY_TLS: Final = {"Strict-Transport-Security": "max-age=31536000; includeSubDomains"}


def missing_headers(
    settings: Settings, present: Iterable[tuple[str, str]], scheme: str | None = None
) -> dict[str, str]:
    """What to add to an answer that has these headers; `scheme` is that of the request, where it is known.

    Browsers are told to insist on TLS in production, and wherever they came by it.
    """
    answered = {name.lower(): value for name, value in present}
    headers = dict(_NO_PAGE)
    if answered.get(POLICY.lower(), NO_FRAME).endswith(NO_FRAME):
        headers |= _NOT_FRAMED
    if scheme == "https" or (settings.production and not (settings.public_url or "").startswith("http://")):
        headers |= _ONLY_TLS
    return {name: value for name, value in headers.items() if name.lower() not in answered}


def asgi_headers(settings: Settings, present: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """The same as ASGI writes headers."""
    names = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in present]
    missing = missing_headers(settings, names)
    return [(name.lower().encode(), value.encode()) for name, value in missing.items()]
