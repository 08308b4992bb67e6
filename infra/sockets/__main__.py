"""Socket.IO and dashboards' WebSockets, as a service that is always on.

    python -m infra.sockets

Any number of them may run: each sees all realtime events over a subscription of its own. Accounts' connections to
their providers are held by `infra.holders`. Ends with status 2 and one line when it cannot start, and with 0 after
SIGTERM or SIGINT.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import sys
from collections.abc import Callable

import uvloop

from infra.sockets.consuming import stop_all, traced
from infra.sockets.health import Health
from infra.sockets.server import SocketServer
from infra.sockets.web import Server, address_of, bound
from shared.bootstrap import bootstrap, close, feed
from shared.config import Settings, load_settings
from shared.deps import Deps
from shared.domain.events import Topic
from shared.errors import ConfigurationInvalid, HubError
from shared.http.process import warn
from shared.logs import configure_logs

logger = logging.getLogger("infra.sockets")  # whose own name is `__main__` when it runs

GRACE_SECONDS = 2


def main() -> int:
    """Run until a signal comes; returns the process's exit status."""
    try:
        settings = load_settings()
        configure_logs(settings.log_level, settings.cloud_project, settings.log_format)
        with bound(settings) as listener:
            _serve(settings, listener)
    except HubError as error:
        sys.stderr.write(f"the sockets cannot start: {error.detail}\n")
        return 2
    return 0


def _serve(settings: Settings, listener: socket.socket) -> None:
    if settings.backend != "google":
        raise ConfigurationInvalid("BACKEND: must be google; on one machine infra.local.serve does it all")
    warn(settings)
    deps = bootstrap(settings)
    try:
        sockets, health = SocketServer(deps), Health(deps)
        server = Server(sockets, health, GRACE_SECONDS)
        for number in (signal.SIGTERM, signal.SIGINT):
            # uvicorn repeats a signal for the handlers that it found; these then do nothing more.
            signal.signal(number, lambda *_: setattr(server, "should_exit", True))
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_run(deps, server, sockets, health, listener))
    finally:
        close(deps)


async def _run(deps: Deps, server: Server, sockets: SocketServer, health: Health, listener: socket.socket) -> None:
    await sockets.start()
    stops: list[Callable[[], None]] = []
    try:
        health.feed = await asyncio.to_thread(feed, deps, Topic.REALTIME, traced(sockets.deliver))
        stops.append(health.feed.close)
        listener.listen(server.config.backlog)
        address = address_of(deps.settings, listener)
        logger.info("listening on %s", address, extra={"environment": deps.settings.environment})
        sys.stdout.write(f"listening on {address}\n")
        sys.stdout.flush()
        await server.serve(sockets=[listener])
    finally:
        health.draining = True
        await asyncio.to_thread(stop_all, stops)


if __name__ == "__main__":
    sys.exit(main())
