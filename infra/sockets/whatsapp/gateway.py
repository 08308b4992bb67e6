"""WhatsApp for all accounts that this process holds: a worker for each, and one thread that watches them."""

from __future__ import annotations

import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec

from infra.sockets.whatsapp.line import WorkerLine
from infra.sockets.whatsapp.process import Worker
from infra.sockets.whatsapp.protocol import PING_SECONDS
from infra.sockets.whatsapp.session_files import SessionFiles, delete_leftovers
from shared.channel.connection import Listener
from shared.channels.whatsapp_web import gateway
from shared.channels.whatsapp_web.gateway import PROVIDER, Session
from shared.deps import Deps
from shared.errors import ProviderUnavailable
from shared.ports.snapshots import Snapshots

logger = logging.getLogger(__name__)

_LOOK_SECONDS = 0.5
_STEADY_SECONDS = 60.0
"""A connection that lasted so long did not end because of itself: the next one may begin at once."""

_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 120.0

_AT_ONCE = 4
"""Workers that start at the same time: each needs a processor for a second, and WhatsApp sees them come one by one."""


class WorkerGateway:
    """Starts a worker per session; one that ends soon again and again is started less and less often."""

    def __init__(
        self,
        snapshots: Snapshots,
        worker: Worker | None = None,
        first_pause: float = _FIRST_PAUSE,
    ) -> None:
        self._snapshots = snapshots
        self._at_once = threading.BoundedSemaphore(_AT_ONCE)
        self._worker = worker or Worker()
        self._first_pause = first_pause
        self._lines: set[WorkerLine] = set()
        self._trouble: dict[str, tuple[int, float]] = {}
        self._stopped = threading.Event()
        self._looking = ThreadPoolExecutor(4, thread_name_prefix="whatsapp-looking")
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None

    def listen(self, session: Session, listener: Listener) -> WorkerLine:
        self._check_turn(session.id)
        with self._at_once:
            return self._begin(session, listener)

    def _begin(self, session: Session, listener: Listener) -> WorkerLine:
        began_at = time.monotonic()

        def ended(is_over: bool, why: str) -> None:
            self._note_end(session.id, began_at, line.rest_seconds if line is not None else 0.0)
            listener.on_end(is_over, why)

        self._begin_watching()
        files = SessionFiles(self._snapshots, session)
        line: WorkerLine | None = None
        try:
            is_paired = files.restore()
            line = WorkerLine(self._worker, files, session, Listener(listener.on_update, ended, listener.on_paired))
            self._lines.add(line)
            if is_paired:
                line.wait_until_open()
        except BaseException as error:
            if line is None:
                files.close()
            else:
                line.close()
                self._lines.discard(line)
            if isinstance(error, ProviderUnavailable):
                self._note_end(session.id, began_at, line.rest_seconds if line is not None else 0.0)
                error.retry_after = error.retry_after or self._pause(session.id)
            raise
        return line

    def close(self) -> None:
        self._stopped.set()
        if self._thread is not None:
            self._thread.join(2)
        self._looking.shutdown(wait=False)

    def _begin_watching(self) -> None:
        """With the first line; most hubs have none."""
        with self._starting:
            if self._thread is None:
                delete_leftovers()
                self._thread = threading.Thread(target=self._watch, name="whatsapp-watch", daemon=True)
                self._thread.start()

    def _check_turn(self, session_id: str) -> None:
        """Raises `ProviderUnavailable` while a session that ended again and again has to rest."""
        now = time.monotonic()
        _, free_at = self._trouble.get(session_id, (0, 0.0))
        if now < free_at:
            raise ProviderUnavailable(PROVIDER, "the connection ended again and again", free_at - now)

    def _note_end(self, session_id: str, began_at: float, rest_seconds: float) -> None:
        now = time.monotonic()
        if rest_seconds:
            self._trouble[session_id] = (1, now + rest_seconds)
            return
        if now - began_at > _STEADY_SECONDS:
            self._trouble.pop(session_id, None)
            return
        times = self._trouble.get(session_id, (0, 0.0))[0] + 1
        # The first time may be chance.
        self._trouble[session_id] = (times, now + self._pause_after(times) if times > 1 else now)

    def _pause(self, session_id: str) -> float:
        return self._pause_after(self._trouble.get(session_id, (1, 0.0))[0])

    def _pause_after(self, times: int) -> float:
        return min(self._first_pause * 2.0 ** min(times - 1, 16), _LONGEST_PAUSE)

    def _watch(self) -> None:
        next_ping = 0.0
        while not self._stopped.wait(_LOOK_SECONDS):
            now = time.monotonic()
            is_time_to_ping = now >= next_ping
            next_ping = now + PING_SECONDS if is_time_to_ping else next_ping
            for line in list(self._lines):
                if line.is_closed:
                    self._lines.discard(line)
                    continue
                if is_time_to_ping:
                    line.ping()
                self._looking.submit(_look, line)


def _look(line: WorkerLine) -> None:
    try:
        line.look()
    except Exception:
        logger.exception("looking after a WhatsApp connection failed")


def offer(deps: Deps) -> None:
    """Have this process hold WhatsApp accounts, where it has what that takes."""
    if deps.snapshots is None:
        logger.info("no WhatsApp accounts are held here: SESSIONS_BUCKET is not set")
    elif find_spec("neonize") is None:
        logger.warning("no WhatsApp accounts are held here: the package neonize is not installed")
    else:
        gateway.reach_by(_opened)


def _opened(deps: Deps) -> WorkerGateway | None:
    if deps.snapshots is None:
        return None
    return WorkerGateway(deps.snapshots)
