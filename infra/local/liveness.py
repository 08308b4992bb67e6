"""Whether the process lives, told by the event loop itself."""

from __future__ import annotations

from infra.local.asgi import ASGIApp, Receive, Scope, Send
from shared.http.health import LIVE

_BODY = b'{"status":"healthy"}'
_HEADERS = [
    (b"content-type", b"application/json"),
    (b"content-length", b"%d" % len(_BODY)),
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
]


def living(app: ASGIApp) -> ASGIApp:
    """Answer the question itself, and have `app` answer all others.

    A platform ends a process that does not answer it in time, and all threads
    may be waiting for somebody else.
    """

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != LIVE or scope["method"] not in ("GET", "HEAD"):
            await app(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
        await send({"type": "http.response.body", "body": _BODY})

    return answer
