"""Routing of requests: to the Socket.IO library at its path, or to another application."""

from __future__ import annotations

import asyncio
from urllib.parse import parse_qs

import socketio

from infra.local.server.asgi import ASGIApp, Message, Receive, Scope, Send
from shared.config import Settings
from shared.http.safe_headers import asgi_headers

_NOT_KEPT = (b"cache-control", b"no-store")

_PROBE = 3
"""The first messages of a client that changes to a websocket: that it connects, `2probe` and `5`."""


def safe(app: ASGIApp, settings: Settings) -> ASGIApp:
    """The app, whose answers all have the headers that keep browsers safe, also those that no view gave."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = message.get("headers", ())
                message = {**message, "headers": [*headers, *asgi_headers(settings, headers)]}
            await send(message)

        await app(scope, receive, marked)

    return answer


def beside(server: socketio.AsyncServer, path: str, otherwise: ASGIApp, handshake_seconds: float) -> ASGIApp:
    """The application that passes requests at `path` to the library, and all others to `otherwise`.

    The library lets a client take any time to upgrade to a websocket, even after
    its session has ended; here it has `handshake_seconds`.
    """
    prefix = f"/{path.strip('/')}/"

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if not f"{scope['path']}/".startswith(prefix):
            await otherwise(scope, receive, send)
        elif scope["type"] == "http":
            await server.handle_request(scope, receive, _not_kept(send))
        else:
            goes_on = b"sid" in parse_qs(scope["query_string"])
            await server.handle_request(scope, _hurried(receive, handshake_seconds) if goes_on else receive, send)

    return answer


def _not_kept(send: Send) -> Send:
    async def marked(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message["headers"], _NOT_KEPT]}
        await send(message)

    return marked


def _hurried(receive: Receive, seconds: float) -> Receive:
    received = 0

    async def hurried() -> Message:
        nonlocal received
        received += 1
        if received > _PROBE:
            return await receive()
        try:
            async with asyncio.timeout(seconds):
                return await receive()
        except TimeoutError:
            return {"type": "websocket.disconnect", "code": 1008}

    return hurried
