"""The whole hub in one process: HTTP and Socket.IO on one port, and the bus's consumers on threads.

    python -m infra.local.serve

Ends with status 2 and one line when it cannot start, and with 0 after SIGTERM or SIGINT.
"""

from __future__ import annotations

if __name__ == "__main__":
    from infra.local import quick_start

    quick_start.begin()

import asyncio
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from ipaddress import ip_address
from random import Random
from typing import TypeVar

import uvloop

from functions.announce import main as announce
from functions.deliver import main as deliver
from functions.hub.main import blueprints
from functions.normalize import main as normalize
from functions.reply import main as reply
from infra.local import quick_start
from infra.local.server.liveness import answer_liveness
from infra.local.server.request_bodies import RequestBodies
from infra.local.server.wsgi import WSGIBridge
from infra.local.ticking import Ticking
from infra.sockets.server import SocketServer
from infra.sockets.sessions import Sessions, sessions_for, watching
from infra.sockets.web import Server, address_of, bound
from shared.bootstrap import bootstrap, close, ensure_emulated_topics
from shared.config import Settings, load_settings
from shared.deps import Deps
from shared.domain.events import Event, Topic
from shared.errors import ConfigurationInvalid, HubError
from shared.http.app import MAX_BODY, body_limit, create_app
from shared.http.process import warn
from shared.logs import configure_logs, tracing
from shared.ports.bus import Consumer
from shared.usecases.accounts import links
from shared.usecases.instances import session_leases

logger = logging.getLogger("infra.local.serve")  # whose own name is `__main__` when it runs
E = TypeVar("E", bound=Event)


def main() -> int:
    """Run until a signal comes; returns the process's exit status."""
    _stay_on_one_core()
    try:
        settings = load_settings()
        configure_logs(settings.log_level, settings.cloud_project, settings.log_format)
        with bound(settings) as listener:
            # With PORT=0 the links that the hub makes have to name the port that it has got.
            settings = settings.model_copy(update={"port": listener.getsockname()[1]})
            warn(settings)
            _warn_of_strangers(settings)
            _serve(settings, listener)
    except ConfigurationInvalid as error:
        sys.stderr.write(f"the hub cannot start: {error.detail}\n")
        return 2
    return 0


def _stay_on_one_core() -> None:
    """Keep the threads that are to come on one core, unless somebody has chosen the cores of this process already.

    One thread at a time runs Python anyway. On many cores each handing over of
    the interpreter wakes another core: a third of the processor time of a busy hub.
    """
    if not hasattr(os, "sched_setaffinity"):  # Linux has it
        return
    cores = os.sched_getaffinity(0)
    if len(cores) == os.cpu_count():
        os.sched_setaffinity(0, {Random().choice(sorted(cores))})  # noqa: S311 - no secret


def _serve(settings: Settings, listener: socket.socket) -> None:
    ensure_emulated_topics(settings)
    deps = bootstrap(settings)
    try:
        with _measured(deps):
            _serve_with(deps, listener)
    finally:
        close(deps)


@contextmanager
def _measured(deps: Deps) -> Iterator[None]:
    if deps.settings.metrics_port is None:
        yield
        return
    from infra.local import metrics  # noqa: PLC0415 - the library takes a tenth of a second, and few hubs are measured

    with metrics.serving(deps) as address:
        logger.info("metrics are at %s", address)
        yield


def _serve_with(deps: Deps, listener: socket.socket) -> None:
    sockets = SocketServer(deps)
    app = create_app(deps, blueprints())
    bridge = WSGIBridge(app, RequestBodies(MAX_BODY, partial(body_limit, app)))
    server = Server(sockets, answer_liveness(bridge))
    for number in (signal.SIGTERM, signal.SIGINT):
        # uvicorn repeats a signal for the handlers that it found; these then do nothing more.
        signal.signal(number, lambda *_: setattr(server, "should_exit", True))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        quick_start.end()
        runner.run(_run(deps, server, sockets, listener))
    bridge.close()


async def _run(deps: Deps, server: Server, sockets: SocketServer, listener: socket.socket) -> None:
    await sockets.start()
    if deps.settings.backend == "embedded":
        await asyncio.to_thread(session_leases.release_all, deps)
    sessions = await asyncio.to_thread(sessions_for, deps)
    stop_consuming = await asyncio.to_thread(deps.bus.consume, _consumers(deps, sockets, sessions))
    ticking = Ticking(deps)
    try:
        listener.listen(server.config.backlog)
        _announce(deps.settings, listener)
        await asyncio.to_thread(_offer_setup, deps)
        await server.serve(sockets=[listener])
    finally:
        await asyncio.to_thread(ticking.stop)
        await asyncio.to_thread(stop_consuming)
        await asyncio.to_thread(sessions.stop)


def _consumers(deps: Deps, sockets: SocketServer, sessions: Sessions) -> dict[Topic, Consumer]:
    return {
        Topic.INBOUND: _traced(partial(normalize.consume, deps)),
        Topic.REPLIES: _traced(partial(reply.consume, deps)),
        Topic.OUTBOUND: _traced(partial(deliver.consume, deps)),
        Topic.EVENTS: _traced(partial(announce.consume, deps)),
        Topic.REALTIME: _traced(watching(sessions, sockets.deliver)),
    }


def _traced(consume: Callable[[E], None]) -> Consumer:
    def traced(event: Event) -> None:
        with tracing(event.request_id, event.traceparent):
            consume(event)  # type: ignore[arg-type]  # a topic carries one kind of event

    return traced


def _announce(settings: Settings, listener: socket.socket) -> None:
    address = address_of(settings, listener)
    logger.info("listening on %s", address, extra={"environment": settings.environment, "backend": settings.backend})
    sys.stdout.write(f"listening on {address}\n")
    sys.stdout.flush()


def _offer_setup(deps: Deps) -> None:
    """While nobody can sign in, tell whoever started the hub where its first owner signs up; not in a log."""
    try:
        if links.needs_owner(deps):
            sys.stdout.write(f"the first owner signs up at {links.create_setup_link(deps)}\n")
            sys.stdout.flush()
    except HubError as error:
        logger.warning("no set-up link could be made: %s", error.detail)


def _warn_of_strangers(settings: Settings) -> None:
    if settings.api_key is None and not settings.production and not _is_loopback(settings.host):
        logger.warning("API_KEY is not set: everybody who reaches HOST %s owns the default tenant", settings.host)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


if __name__ == "__main__":
    sys.exit(main())
