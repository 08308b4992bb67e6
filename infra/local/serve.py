"""The whole hub in one process: HTTP and Socket.IO on one port, and the bus's consumers on threads.

    python -m infra.local.serve

Ends with status 2 and one line when it cannot start, and with 0 after SIGTERM or SIGINT.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import sys
from collections.abc import Callable
from functools import partial
from ipaddress import ip_address
from typing import TypeVar

import uvicorn
import uvloop

from functions.deliver import main as deliver
from functions.hub.main import blueprints
from functions.normalize import main as normalize
from functions.reply import main as reply
from infra.local.protocol import GuardedHTTP
from infra.local.ticking import Ticking
from infra.local.wsgi import WSGIBridge
from infra.sockets.engine import MAX_FRAME
from infra.sockets.server import SocketServer
from shared.bootstrap import bootstrap, close
from shared.config import Settings, load_settings
from shared.deps import Deps
from shared.domain.events import Event, Topic
from shared.errors import ConfigurationInvalid
from shared.http.app import create_app
from shared.logs import configure_logs, tracing
from shared.ports.bus import Consumer

logger = logging.getLogger("infra.local.serve")  # whose own name is `__main__` when it runs
E = TypeVar("E", bound=Event)

MAX_BODY = 32 * 1024 * 1024
"""More than any dialect accepts; their own, smaller limits give the better answer."""

KEEP_ALIVE_SECONDS = 75
GRACE_SECONDS = 10
"""How long running requests get to end after SIGTERM; the bus grants its consumers a time of its own."""


class Server(uvicorn.Server):
    """HTTP by `bridge` and Socket.IO by `sockets` on one port.

    At the end it lets go of the sockets first: a request that waits for
    realtime events would never end by itself.
    """

    def __init__(self, sockets: SocketServer, bridge: WSGIBridge) -> None:
        super().__init__(_config(sockets, bridge))
        self._sockets = sockets

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for accepting in self.servers:
            accepting.close()
        await self._sockets.close()
        await super().shutdown(sockets)


def main() -> int:
    """Run until a signal comes; returns the process's exit status."""
    try:
        settings = load_settings()
        configure_logs(settings.log_level)
        with _bound(settings) as listener:
            _warn(settings)
            _serve(settings, listener)
    except ConfigurationInvalid as error:
        sys.stderr.write(f"the hub cannot start: {error.detail}\n")
        return 2
    return 0


def _bound(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
    except OSError as error:
        listener.close()
        reason = f"cannot listen on {settings.host} port {settings.port}: {error.strerror or error}"
        raise ConfigurationInvalid(f"HOST, PORT: {reason}") from error
    return listener


def _serve(settings: Settings, listener: socket.socket) -> None:
    deps = bootstrap(settings)
    try:
        sockets = SocketServer(deps)
        bridge = WSGIBridge(create_app(deps, blueprints()), max_body=MAX_BODY)
        server = Server(sockets, bridge)
        for number in (signal.SIGTERM, signal.SIGINT):
            # uvicorn repeats a signal for the handlers that it found; these then do nothing more.
            signal.signal(number, lambda *_: setattr(server, "should_exit", True))
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_run(deps, server, sockets, listener))
        bridge.close()
    finally:
        close(deps)


def _config(sockets: SocketServer, bridge: WSGIBridge) -> uvicorn.Config:
    return uvicorn.Config(
        sockets.asgi(otherwise=bridge),
        http=GuardedHTTP,
        ws="websockets-sansio",
        ws_max_size=MAX_FRAME,
        lifespan="off",
        log_config=None,
        log_level=logging.WARNING,
        access_log=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )


async def _run(deps: Deps, server: Server, sockets: SocketServer, listener: socket.socket) -> None:
    await sockets.start()
    stop_consuming = await asyncio.to_thread(deps.bus.consume, _consumers(deps, sockets))
    ticking = Ticking(deps)
    try:
        listener.listen(server.config.backlog)
        _announce(deps.settings, listener)
        await server.serve(sockets=[listener])
    finally:
        await asyncio.to_thread(ticking.stop)
        await asyncio.to_thread(stop_consuming)


def _consumers(deps: Deps, sockets: SocketServer) -> dict[Topic, Consumer]:
    return {
        Topic.INBOUND: _traced(partial(normalize.consume, deps)),
        Topic.REPLIES: _traced(partial(reply.consume, deps)),
        Topic.OUTBOUND: _traced(partial(deliver.consume, deps)),
        Topic.REALTIME: _traced(sockets.deliver),
    }


def _traced(consume: Callable[[E], None]) -> Consumer:
    def traced(event: Event) -> None:
        with tracing(event.request_id, event.traceparent):
            consume(event)  # type: ignore[arg-type]  # a topic carries one kind of event

    return traced


def _announce(settings: Settings, listener: socket.socket) -> None:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    address = f"http://{host}:{listener.getsockname()[1]}"
    logger.info("listening on %s", address, extra={"environment": settings.environment, "backend": settings.backend})
    sys.stdout.write(f"listening on {address}\n")
    sys.stdout.flush()


def _warn(settings: Settings) -> None:
    """Say once what an operator should know of his settings."""
    if settings.backend == "embedded" and settings.database_url is not None:
        logger.warning("DATABASE_URL is set and not used: BACKEND=embedded keeps its data in DATA_DIR")
    if settings.api_key is None and settings.production:
        logger.error("API_KEY is not set: whatever is called with that key alone answers 401")
    if settings.api_key is None and not settings.production and not _is_loopback(settings.host):
        logger.warning("API_KEY is not set: everybody who reaches HOST %s owns the default tenant", settings.host)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


if __name__ == "__main__":
    sys.exit(main())
