"""The liveness check, answered by the event loop."""

from __future__ import annotations

from infra.local.server.asgi import ASGIApp, Receive, Scope, Send
from shared.http.health import LIVE

_BODY = b'{"status":"healthy"}'
_HEADERS = [
    (b"content-type", b"application/json"),
    (b"content-length", b"%d" % len(_BODY)),
    (b"cache-control", b"no-store"),
]


def answer_liveness(app: ASGIApp) -> ASGIApp:
    """Answer the liveness check here, and pass every other request to `app`.

    A platform kills a process that does not answer in time, and all threads of
    the application may be waiting for other systems.
    """

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != LIVE or scope["method"] not in ("GET", "HEAD"):
            await app(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
        await send({"type": "http.response.body", "body": _BODY})

    return answer
