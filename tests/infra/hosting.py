"""The hub's own server around any application, on a free port and a thread."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import uvloop

from infra.local.server.asgi import ASGIApp
from infra.local.server.protocol import GuardedHTTP
from infra.local.server.request_bodies import RequestBodies
from infra.local.server.wsgi import WSGIBridge
from infra.sockets.server import SocketServer
from infra.sockets.web import Server

StartResponse = Callable[..., Any]


def nothing_here(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
    """A WSGI application without a page."""
    start_response("404 NOT FOUND", [("content-type", "text/plain")])
    return [b"nothing here"]


@contextmanager
def hosted(
    sockets: SocketServer, app: ASGIApp | None = None, port: int = 0, http: type[GuardedHTTP] = GuardedHTTP
) -> Iterator[str]:
    """Serve; gives the address without a trailing slash."""
    bridge = WSGIBridge(nothing_here, RequestBodies(1000), threads=2)
    server = Server(sockets, app or bridge, http=http)
    with socket.create_server(("127.0.0.1", port)) as listener:

        async def serve() -> None:
            await sockets.start()
            await server.serve([listener])

        def run() -> None:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(serve())

        thread = threading.Thread(target=run, name="hosted")
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(20)
            bridge.close()
            assert not thread.is_alive()
