"""The always-on container: Socket.IO, dashboards' WebSockets, and accounts' lasting connections to their providers.

    python -m infra.sockets

Any number of them may run: each sees all realtime events over a subscription of
its own, each account is held by one of them. Ends with status 2 and one line
when it cannot start, and with 0 after SIGTERM or SIGINT.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from functools import partial

import uvloop

from infra.sockets.health import Health
from infra.sockets.server import SocketServer
from infra.sockets.sessions import sessions_for, watching
from infra.sockets.web import Server, address_of, bound
from shared.bootstrap import bootstrap, close, feed
from shared.config import Settings, load_settings
from shared.deps import Deps
from shared.domain.events import Event, OutboundEvent, Topic
from shared.errors import ConfigurationInvalid, HubError
from shared.http.process import warn
from shared.logs import configure_logs, tracing
from shared.ports.bus import Consumer
from shared.usecases.delivery.delivery import deliver

logger = logging.getLogger("infra.sockets")  # whose own name is `__main__` when it runs

GRACE_SECONDS = 2
STOP_SECONDS = 6.5
"""Of the ten seconds that Cloud Run grants after SIGTERM: for requests, and then for what is being sent."""


def main() -> int:
    """Run until a signal comes; returns the process's exit status."""
    try:
        settings = load_settings()
        configure_logs(settings.log_level, settings.cloud_project)
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
    sessions = await asyncio.to_thread(sessions_for, deps)
    watch = _traced(watching(sessions, sockets.deliver))
    stops: list[Callable[[], None]] = [sessions.stop]
    try:
        seen = await asyncio.to_thread(feed, deps, Topic.REALTIME, watch)
        health.feed = seen
        stops += [
            seen.close,
            await asyncio.to_thread(deps.bus.consume, {Topic.OUTBOUND: _traced(partial(_send, deps))}),
        ]
        listener.listen(server.config.backlog)
        address = address_of(deps.settings, listener)
        logger.info("listening on %s", address, extra={"environment": deps.settings.environment})
        sys.stdout.write(f"listening on {address}\n")
        sys.stdout.flush()
        await server.serve(sockets=[listener])
    finally:
        health.draining = True
        await asyncio.to_thread(_all_at_once, stops)


def _all_at_once(stops: list[Callable[[], None]]) -> None:
    """Run all at the same time: each may wait for seconds, and together they have only a few."""
    threads = [threading.Thread(target=stop, name="stop", daemon=True) for stop in stops]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + STOP_SECONDS
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))


def _send(deps: Deps, event: OutboundEvent) -> None:
    """Send what needs a connection. The emulator does not filter: events for functions come here, too."""
    if event.runtime == "socket":
        deliver(deps, event.tenant_id, event.conversation_id)


def _traced(consume: Callable[..., None]) -> Consumer:
    def traced(event: Event) -> None:
        with tracing(event.request_id, event.traceparent, kind="consumer", span=type(event).__name__):
            consume(event)

    return traced


if __name__ == "__main__":
    sys.exit(main())
