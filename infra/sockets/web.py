"""HTTP and Socket.IO on one port, as the local runner and the always-on container serve them."""

from __future__ import annotations

import logging
import socket
import sys

import uvicorn

from infra.local.server.asgi import ASGIApp
from infra.local.server.protocol import GuardedHTTP
from infra.sockets.engine import MAX_FRAME
from infra.sockets.server import SocketServer
from shared.config import Settings
from shared.errors import ConfigurationInvalid

KEEP_ALIVE_SECONDS = 75
UNREAD_SECONDS = 60
"""After which a client that takes nothing of what it is sent is given up."""

GRACE_SECONDS = 10
"""How long running requests get to end after SIGTERM; the bus grants its consumers a time of its own."""


class Server(uvicorn.Server):
    """Socket.IO by `sockets`, everything else by `otherwise`.

    At the end the sockets are closed first: a request that waits for realtime
    events would never end by itself.
    """

    def __init__(
        self,
        sockets: SocketServer,
        otherwise: ASGIApp,
        grace: int = GRACE_SECONDS,
        http: type[GuardedHTTP] = GuardedHTTP,
    ) -> None:
        super().__init__(_config(sockets, otherwise, grace, http))
        self._sockets = sockets

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for accepting in self.servers:
            accepting.close()
        await self._sockets.close()
        await super().shutdown(sockets)


def _config(sockets: SocketServer, otherwise: ASGIApp, grace: int, http: type[GuardedHTTP]) -> uvicorn.Config:
    return uvicorn.Config(
        sockets.asgi(otherwise=otherwise),
        http=http,
        ws="websockets-sansio",
        ws_max_size=MAX_FRAME,
        lifespan="off",
        log_config=None,
        log_level=logging.WARNING,
        server_header=False,
        # Else uvicorn takes whatever a caller on this machine says to be their address: TRUSTED_PROXIES decides that.
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=grace,
    )


def bound(settings: Settings) -> socket.socket:
    """A socket at `HOST` and `PORT` that does not listen yet; raises `ConfigurationInvalid`."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if sys.platform == "linux":
        # Its connections inherit this; closing one waits for what was not sent yet, for ever when nobody reads it.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNREAD_SECONDS * 1000)
    try:
        listener.bind((settings.host, settings.port))
    except OSError as error:
        listener.close()
        reason = f"cannot listen on {settings.host} port {settings.port}: {error.strerror or error}"
        raise ConfigurationInvalid(f"HOST, PORT: {reason}") from error
    return listener


def address_of(settings: Settings, listener: socket.socket) -> str:
    """The listener's URL, with the port that it has got."""
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"http://{host}:{listener.getsockname()[1]}"
