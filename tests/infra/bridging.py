"""Small applications behind the hub's server, and ways to ask them."""

from __future__ import annotations

import http.client
import json
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from typing import Any

from infra.local.server.asgi import ASGIApp
from infra.local.server.protocol import GuardedHTTP
from infra.local.server.request_bodies import RequestBodies
from infra.local.server.wsgi import WSGIBridge
from infra.sockets.server import SocketServer
from shared.deps import Deps
from tests.infra.hosting import StartResponse, hosted


def echo(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
    """Tells what it was asked."""
    body = environ["wsgi.input"].read()
    seen = {name: value for name, value in environ.items() if isinstance(value, str)}
    start_response("200 OK", [("Content-Type", "application/json"), ("X-Twice", "1"), ("X-Twice", "2")])
    return [json.dumps({"environ": seen, "body": body.decode("latin-1")}).encode()]


class Blocked:
    """Answers when it is let go."""

    def __init__(self) -> None:
        self.entered = threading.Semaphore(0)
        self.go = threading.Event()

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        self.entered.release()
        self.go.wait(10)
        return echo(environ, start_response)


@contextmanager
def bridged(
    deps: Deps,
    app: Any,
    bodies: RequestBodies | None = None,
    http: type[GuardedHTTP] = GuardedHTTP,
    around: Callable[[ASGIApp], ASGIApp] = lambda app: app,
    **options: int,
) -> Iterator[str]:
    """The host and port of a server that runs `app`."""
    bridge = WSGIBridge(app, bodies or RequestBodies(1000), **{"threads": 2} | options)
    with hosted(SocketServer(deps), around(bridge), http=http) as url:
        yield url.removeprefix("http://")
    bridge.close()


def ask(
    address: str, method: str = "GET", path: str = "/", body: Any = None, headers: dict[str, str] | None = None
) -> tuple[http.client.HTTPResponse, bytes]:
    with closing(http.client.HTTPConnection(address, timeout=15)) as connection:
        connection.request(method, path, body, headers or {}, encode_chunked=not isinstance(body, (bytes, type(None))))
        response = connection.getresponse()
        return response, response.read()


def connected(address: str, sent: bytes = b"") -> socket.socket:
    """A connection on which something was sent."""
    host, port = address.split(":")
    connection = socket.create_connection((host, int(port)), timeout=15)
    connection.sendall(sent)
    return connection


def rest(connection: socket.socket) -> bytes:
    """All that the server says before it closes the connection."""
    return b"".join(iter(lambda: connection.recv(65536), b""))


def raw(address: str, sent: bytes) -> bytes:
    """All that the server answers before it closes the connection."""
    with connected(address, sent) as connection:
        return rest(connection)
