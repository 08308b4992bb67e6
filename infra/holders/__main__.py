"""A holder: the process that has the lasting connections of accounts to their providers, and sends over them.

    python -m infra.holders

Any number of them may run, as a worker pool whose instances `tick` counts: each account is held by one of them, by a
lease. Ends with status 2 and one line when it cannot start, with 1 when it hears no events any more, so that the
platform starts another one, and with 0 after SIGTERM or SIGINT.
"""

from __future__ import annotations

import logging
import signal
import sys
import threading
from collections.abc import Callable
from functools import partial

from infra.sockets.consuming import stop_all, traced
from infra.sockets.sessions import sessions_for, watching
from shared.bootstrap import bootstrap, close, feed
from shared.config import Settings, load_settings
from shared.deps import Deps
from shared.domain.events import OutboundEvent, RealtimeEvent, Topic
from shared.errors import ConfigurationInvalid, HubError
from shared.http.process import warn
from shared.logs import configure_logs
from shared.usecases.delivery.delivery import deliver

logger = logging.getLogger("infra.holders")  # whose own name is `__main__` when it runs

_LOOK_SECONDS = 1.0


def main() -> int:
    """Run until a signal comes; returns the process's exit status."""
    try:
        settings = load_settings()
        configure_logs(settings.log_level, settings.cloud_project, settings.log_format)
        return _run(settings)
    except HubError as error:
        sys.stderr.write(f"the holder cannot start: {error.detail}\n")
        return 2


def _run(settings: Settings) -> int:
    if settings.backend != "google":
        raise ConfigurationInvalid("BACKEND: must be google; on one machine infra.local.serve does it all")
    warn(settings)
    is_to_end = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: is_to_end.set())
    deps = bootstrap(settings)
    try:
        return _hold(deps, is_to_end)
    finally:
        close(deps)


def _hold(deps: Deps, is_to_end: threading.Event) -> int:
    sessions = sessions_for(deps)
    stops: list[Callable[[], None]] = [sessions.stop]
    try:
        events = feed(deps, Topic.REALTIME, traced(watching(sessions, _leave_to_clients)))
        stops += [events.close, deps.bus.consume({Topic.OUTBOUND: traced(partial(_send, deps))})]
        sys.stdout.write("holding accounts\n")
        sys.stdout.flush()
        while not is_to_end.wait(_LOOK_SECONDS):
            if not (events.alive and deps.bus.alive):
                logger.error("no events come any more: this holder ends, for another one to begin")
                return 1
        return 0
    finally:
        stop_all(stops)


def _leave_to_clients(event: RealtimeEvent) -> None:
    """What clients see is told by the sockets service."""


def _send(deps: Deps, event: OutboundEvent) -> None:
    """Send what needs a connection. The emulator does not filter: events for functions come here, too."""
    if event.runtime == "socket":
        deliver(deps, event.tenant_id, event.conversation_id)


if __name__ == "__main__":
    sys.exit(main())
