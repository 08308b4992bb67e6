"""The accounts whose connections this process holds: taken by lease, listened to, sent over."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from queue import Empty, Queue
from typing import Any

from infra.sockets.sources import Source, sources_for
from shared.channelkit import auth
from shared.channelkit.lines import Line, Listener, SessionEnded
from shared.channels.telegram_user import lines
from shared.deps import Deps
from shared.domain.events import RealtimeEvent
from shared.domain.inbound import ConnectionChanged
from shared.domain.instances import Instance, InstanceStatus
from shared.errors import HubError, NotFound, PayloadInvalid, ProviderUnavailable
from shared.logs import tracing
from shared.usecases.instances import connections, instance_lookup, session_leases
from shared.usecases.instances.session_leases import Lease
from shared.usecases.pipeline import outbound, webhooks
from shared.usecases.pipeline.deliver import deliver

logger = logging.getLogger(__name__)

INTERVAL = 15.0
"""Seconds between two looks at the leases; a lease outlives three that fail."""

MOST = 200
"""Accounts that one process holds."""

_MARGIN = timedelta(seconds=10)
"""So long before a lease ends that could not be renewed its line is closed: Telegram ends a session it sees twice."""

_PAUSE = timedelta(seconds=30)
_AT_ONCE = 8


class Sessions:
    """Works on a thread of its own from its making to `stop`."""

    def __init__(self, deps: Deps, sources: Sequence[Source], interval: float = INTERVAL, most: int = MOST) -> None:
        self._deps = deps
        self._sources = {source.adapter: source for source in sources}
        self._interval = interval
        self._most = most
        self._leases: dict[str, Lease] = {}
        self._lines: dict[str, Line] = {}
        self._ended: Queue[tuple[Lease, bool, str]] = Queue()
        self._stopped = threading.Event()
        self._look = threading.Event()
        self._pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="sessions")
        self._thread = threading.Thread(target=self._run, name="sessions", daemon=True)
        self._thread.start()

    def stop(self, patience: float = 6.0) -> None:
        """Close all lines and let others have the sessions; gives up waiting after `patience` seconds."""
        self._stopped.set()
        self._look.set()
        self._thread.join(patience)
        self._pool.shutdown(wait=False, cancel_futures=True)
        for source in self._sources.values():
            source.close()

    def wake(self, event: RealtimeEvent) -> None:
        """Another process has found something to send over a line; if it is ours, send it."""
        instance_id, conversation_id = event.payload.get("instance_id"), event.payload.get("conversation_id")
        if isinstance(instance_id, str) and isinstance(conversation_id, str) and lines.held(self._deps, instance_id):
            deliver(self._deps, event.tenant_id, conversation_id)

    def _run(self) -> None:
        while not self._stopped.is_set():
            self._look.clear()
            for step in (self._settle_ended, self._renew, self._take):
                self._try(step)
            self._look.wait(self._interval)
        list(self._pool.map(self._let_go, list(self._leases.values())))

    def _try(self, step: Callable[[], None]) -> None:
        try:
            with tracing():
                step()
        except Exception:
            logger.exception("looking after the sessions failed and will be tried again")

    def _settle_ended(self) -> None:
        while True:
            try:
                lease, gone, why = self._ended.get_nowait()
            except Empty:
                return
            if self._leases.get(lease.instance_id) is None:
                continue
            self._close(lease)
            if gone:
                session_leases.end(self._deps, lease, why)
            else:
                logger.warning("a line ended", extra={"instance_id": lease.instance_id, "why": why})
                session_leases.release(self._deps, lease)

    def _renew(self) -> None:
        held = list(self._leases.values())
        if not held:
            return
        positions = {lease.instance_id: place for lease in held if (place := self._position(lease))}
        try:
            renewed = session_leases.renew(self._deps, held, positions)
        except HubError as error:
            logger.warning("leases could not be renewed: %s", error.detail)
            renewed = {lease.instance_id: lease for lease in held}
        for lease in held:
            kept = renewed.get(lease.instance_id)
            if kept is None or kept.until - _MARGIN <= self._deps.now():
                logger.warning("a session is ours no more", extra={"instance_id": lease.instance_id})
                self._close(lease)
            else:
                self._leases[lease.instance_id] = kept

    def _take(self) -> None:
        for adapter in self._sources:
            room = self._most - len(self._leases)
            if room > 0:
                taken = session_leases.take(self._deps, adapter, min(room, _AT_ONCE * 4))
                list(self._pool.map(self._open_or_log, taken))

    def _open_or_log(self, lease: Lease) -> None:
        self._try(partial(self._open, lease))

    def _open(self, lease: Lease) -> None:
        former = self._leases.get(lease.instance_id)
        if former is not None:
            # It was given up by a new login just after the leases were renewed.
            self._close(former)
        instance = self._instance(lease)
        if instance is None:
            session_leases.end(self._deps, lease, "the channel is gone")
            return
        if instance.adapter != lease.adapter:
            auth.forget(self._deps, instance)
            return
        listener = Listener(partial(self._updated, lease), partial(self._line_ended, lease))
        try:
            line = self._sources[lease.adapter].open(instance, lease, listener)
        except SessionEnded as error:
            session_leases.end(self._deps, lease, error.reason)
            return
        except ProviderUnavailable as error:
            logger.warning("no line could be opened: %s", error.detail, extra={"instance_id": lease.instance_id})
            pause = _PAUSE if error.retry_after is None else timedelta(seconds=error.retry_after)
            session_leases.release(self._deps, lease, pause)
            return
        self._begin(lease, line)
        connections.apply_connection(self._deps, instance, ConnectionChanged(status=InstanceStatus.CONNECTED))
        for conversation_id in session_leases.waiting(self._deps, lease.instance_id):
            outbound.wake(self._deps, lease.tenant_id, conversation_id, instance)

    def _instance(self, lease: Lease) -> Instance | None:
        """As it is now, for it may just have been connected."""
        try:
            return instance_lookup.by_id(self._deps, lease.tenant_id, lease.instance_id)
        except NotFound:
            return None

    def _begin(self, lease: Lease, line: Line) -> None:
        self._lines[lease.instance_id] = line
        self._leases[lease.instance_id] = lease
        logger.info("a session is held", extra={"instance_id": lease.instance_id})

    def _updated(self, lease: Lease, update: Mapping[str, Any]) -> None:
        """Publish what came; raises when it could not be stored, upon which it comes again."""
        instance = instance_lookup.find_for_webhook(self._deps, instance_id=lease.instance_id)
        if instance is None:
            return
        with tracing():
            try:
                if self._sources[lease.adapter].wants(instance, update):
                    webhooks.take_update(self._deps, instance, update)
            except PayloadInvalid as error:
                logger.error("an update could not be read: %s", error.detail, extra={"instance_id": instance.id})

    def _line_ended(self, lease: Lease, gone: bool, why: str) -> None:
        self._ended.put((lease, gone, why))
        self._look.set()

    def _position(self, lease: Lease) -> dict[str, Any] | None:
        line = self._lines.get(lease.instance_id)
        return line.position() if line is not None else None

    def _close(self, lease: Lease) -> None:
        self._leases.pop(lease.instance_id, None)
        line = self._lines.pop(lease.instance_id, None)
        self._sources[lease.adapter].let_go(lease.instance_id)
        if line is not None:
            line.close()

    def _let_go(self, lease: Lease) -> None:
        position = self._position(lease)
        self._close(lease)
        self._try(partial(session_leases.release, self._deps, lease, position=position))


def sessions_for(deps: Deps) -> Sessions:
    """Sessions of all channels that the settings allow."""
    return Sessions(deps, sources_for(deps))


def watching(sessions: Sessions, deliver_to_clients: Callable[[RealtimeEvent], None]) -> Callable[[Any], None]:
    """The consumer of `realtime`: what is for the clients goes to them, what is for a line to its holder."""

    def consume(event: RealtimeEvent) -> None:
        if event.name != lines.WAKE:
            deliver_to_clients(event)
        else:
            sessions.wake(event)

    return consume
