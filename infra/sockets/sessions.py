"""The accounts whose connections this process holds by a lease; it listens to them and sends over them."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from queue import SimpleQueue
from typing import Any, TypeAlias

from pydantic import BaseModel

from infra.sockets.whatsapp import gateway as whatsapp
from shared import channels
from shared.channel.connection import (
    CAPACITY,
    LOOK,
    RESTART,
    TYPING,
    WAKE,
    ConnectionModule,
    Connections,
    Listener,
    OpenConnection,
    SessionEnded,
    SupportsLeaving,
)
from shared.channelkit import auth
from shared.channelkit.auth import AuthState
from shared.channelkit.held_lines import have_holders_look
from shared.deps import Deps
from shared.domain.events import RealtimeEvent
from shared.domain.inbound import ConnectionChanged
from shared.domain.instances import Instance, InstanceStatus
from shared.errors import HubError, NotFound, PayloadInvalid, ProviderUnavailable, SecretLost
from shared.logs import tracing
from shared.usecases.conversations import presence
from shared.usecases.delivery.delivery import deliver
from shared.usecases.ingest import webhooks
from shared.usecases.instances import (
    connection_state,
    holders,
    instance_config,
    instance_lookup,
    removals,
    session_leases,
)
from shared.usecases.instances.session_leases import Lease
from shared.usecases.outbox import enqueueing

logger = logging.getLogger(__name__)

INTERVAL = 5.0
"""Seconds between two looks for sessions that nobody holds. Own leases are renewed at every second look."""

_MARGIN = timedelta(seconds=20)
"""How long before the end of a lease that could not be renewed its connection is closed.

Telegram ends a session that it sees twice.

A renewal that is under way then, two calls to a store that does not answer, has failed by the end.
"""

_PAUSE = timedelta(seconds=30)
_LONGEST_OPENING = 60.0
_AT_ONCE = 8

Job: TypeAlias = Callable[[], None]


class Sessions:
    """Works on a thread of its own, from its creation to `stop`.

    That thread alone decides what is held. Apart from calling the store it does nothing that may take
    long: connections are opened and closed on other threads, so that all leases are renewed meanwhile,
    also those of connections that are being opened.
    """

    def __init__(
        self,
        deps: Deps,
        channels: Mapping[str, Connections[BaseModel]],
        interval: float = INTERVAL,
        capacity: Mapping[str, int] | None = None,
    ) -> None:
        self._deps = deps
        self._channels = channels
        self._interval = interval
        self._capacity = capacity or {}
        self._leases: dict[str, Lease] = {}
        self._connections: dict[str, OpenConnection] = {}
        self._opening: set[str] = set()
        self._leaving: set[str] = set()
        self._next_look = 0.0
        self._next_renewal = 0.0
        self._jobs: SimpleQueue[Job] = SimpleQueue()
        self._woken = threading.Event()
        self._stopped = threading.Event()
        self._pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="sessions")
        self._closing = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="sessions-closing")
        self._thread = threading.Thread(target=self._run, name="sessions", daemon=True)
        self._thread.start()

    def stop(self, patience: float = 6.0) -> None:
        """Close all connections and let others have the sessions; gives up waiting after `patience` seconds."""
        self._stopped.set()
        self._woken.set()
        self._thread.join(patience)
        for pool in (self._pool, self._closing):
            pool.shutdown(wait=False, cancel_futures=True)
        for connections in self._channels.values():
            connections.close()

    def wake(self, event: RealtimeEvent) -> None:
        """Send what another process has for a connection, if this process holds it."""
        instance_id, conversation_id = event.payload.get("instance_id"), event.payload.get("conversation_id")
        if isinstance(instance_id, str) and isinstance(conversation_id, str) and instance_id in self._connections:
            deliver(self._deps, event.tenant_id, conversation_id)

    def show_typing(self, event: RealtimeEvent) -> None:
        """Show a customer that somebody writes in another process, if this one holds the connection."""
        instance_id, conversation_id = event.payload.get("instance_id"), event.payload.get("conversation_id")
        if instance_id in self._connections and isinstance(conversation_id, str):
            presence.show_typing(self._deps, event.tenant_id, conversation_id)

    def restart(self, event: RealtimeEvent) -> None:
        """Close a connection that this process holds, and have it opened again."""
        lease = self._leases.get(str(event.payload.get("instance_id")))
        if lease is not None:
            self._soon(partial(self._settle, lease, is_final=False, why="somebody restarts it"))

    def look(self) -> None:
        """Look now for sessions that began or ended, and not only at the next interval."""
        self._soon(self._look_now)

    def _run(self) -> None:
        while not self._stopped.is_set():
            self._woken.clear()
            self._do_jobs()
            if time.monotonic() >= self._next_look:
                self._next_look = time.monotonic() + self._interval
                for step in (self._renew, self._take):
                    self._try(step)
            self._try(self._close_overdue)
            if self._jobs.empty():
                self._woken.wait(self._pause())
        self._leave()

    def _leave(self) -> None:
        """Release all sessions; those that are being opened, as soon as they are open."""
        while True:
            self._woken.clear()
            self._do_jobs()
            list(
                self._closing.map(
                    self._let_go, [lease for id_, lease in self._leases.items() if id_ in self._connections]
                )
            )
            if not self._opening or not self._woken.wait(_LONGEST_OPENING):
                break
        self._pool.shutdown()

    def _pause(self) -> float:
        """Seconds until the next look, or until a connection has to be closed before that."""
        ends = [(lease.until - _MARGIN - self._deps.now()).total_seconds() for lease in self._leases.values()]
        return max(0.0, min([self._next_look - time.monotonic(), *ends]))

    def _do_jobs(self) -> None:
        for _ in range(self._jobs.qsize()):
            self._try(self._jobs.get())

    def _soon(self, job: Job) -> None:
        """Queue a job for the sessions' own thread, from another one."""
        self._jobs.put(job)
        self._woken.set()

    def _try(self, job: Job) -> None:
        try:
            with tracing():
                job()
        except Exception:
            logger.exception("looking after the sessions failed and will be tried again")

    def _renew(self) -> None:
        """Renew all leases at every second look; what fails is tried again at the next one."""
        leases = list(self._leases.values())
        if not leases or time.monotonic() < self._next_renewal:
            return
        positions = {lease.instance_id: position for lease in leases if (position := self._position(lease))}
        try:
            renewed = session_leases.renew(self._deps, leases, positions)
        except HubError as error:
            logger.warning("leases could not be renewed: %s", error.detail)
            return
        self._next_renewal = time.monotonic() + self._interval * 1.5
        self._leases |= renewed
        self._close_all([lease for lease in leases if lease.instance_id not in renewed])
        for lease in renewed.values():
            self._leave_if_asked(lease)

    def _close_overdue(self) -> None:
        """Close connections whose lease could not be renewed in time: other processes may soon take them."""
        latest = self._deps.now() + _MARGIN
        self._close_all([lease for lease in self._leases.values() if lease.until <= latest])

    def _close_all(self, leases: Sequence[Lease]) -> None:
        for lease in leases:
            logger.warning("a session is ours no more", extra={"instance_id": lease.instance_id})
        list(self._closing.map(_close, [self._drop(lease) for lease in leases]))

    def _take(self) -> None:
        for adapter in self._channels:
            if (room := self._room(adapter)) > 0:
                for lease in session_leases.take(self._deps, adapter, room):
                    self._begin_opening(lease)

    def _room(self, adapter: str) -> int:
        """How many more sessions may be taken: those that cannot be opened soon are left to other processes."""
        held_count = sum(lease.adapter == adapter for lease in self._leases.values())
        being_opened = len(self._leases) - len(self._connections)
        return min(self._capacity.get(adapter, CAPACITY) - held_count, _AT_ONCE * 4 - being_opened)

    def _begin_opening(self, lease: Lease) -> None:
        former = self._leases.get(lease.instance_id)
        if former is not None:
            # It was given up by a new login just after the leases were renewed.
            _close(self._drop(former))
        self._leases[lease.instance_id] = lease
        self._start_opening(lease)

    def _start_opening(self, lease: Lease) -> None:
        """Open a session's connection, unless an earlier attempt has not ended yet: there would be two."""
        if lease.instance_id not in self._opening:
            self._opening.add(lease.instance_id)
            self._pool.submit(self._open, lease)

    def _open(self, lease: Lease) -> None:
        """Runs on another thread; the outcome becomes a job for the sessions' own."""
        try:
            with tracing():
                outcome = self._opened(lease)
        except Exception:
            logger.exception("a connection could not be opened", extra={"instance_id": lease.instance_id})
            outcome = partial(self._settle, lease, is_final=False, why="an unexpected error", pause=_PAUSE)
        self._soon(partial(self._end_opening, lease.instance_id, outcome))

    def _end_opening(self, instance_id: str, outcome: Job) -> None:
        self._opening.discard(instance_id)
        outcome()
        if instance_id in self._leases and instance_id not in self._connections:
            # It was given up meanwhile, and taken again.
            self._start_opening(self._leases[instance_id])

    def _opened(self, lease: Lease) -> Job:
        if self._stopped.is_set():
            return partial(self._settle, lease, is_final=False, why="this process stops")
        instance = self._instance(lease)
        if instance is None:
            return partial(self._settle, lease, is_final=True, why="the channel is gone")
        if instance.adapter != lease.adapter:
            auth.forget(self._deps, instance)
            return partial(self._settle, lease, is_final=False, why="the channel is of another kind now")
        listener = Listener(
            on_update=partial(self._updated, lease),
            on_end=partial(self._connection_ended, lease),
            on_paired=partial(self._try, partial(self._note_paired, lease, instance)),
        )
        try:
            credentials = self._deps.secrets.read(lease.secret)
            connection = self._channels[lease.adapter].open(
                instance, credentials, lease.position, listener, lease.epoch
            )
        except SecretLost:
            return partial(self._settle, lease, is_final=True, why=instance_config.ENTER_AGAIN)
        except SessionEnded as error:
            return partial(self._settle, lease, is_final=True, why=error.reason)
        except ProviderUnavailable as error:
            pause = _PAUSE if error.retry_after is None else timedelta(seconds=error.retry_after)
            return partial(self._settle, lease, is_final=False, why=error.detail, pause=pause)
        return partial(self._begin, lease, instance, connection)

    def _begin(self, lease: Lease, instance: Instance, connection: OpenConnection) -> None:
        if not self._is_held(lease):
            _close(connection)
            return
        self._channels[lease.adapter].hold(lease.instance_id, connection)
        self._connections[lease.instance_id] = connection
        logger.info("a session is held", extra={"instance_id": lease.instance_id})
        if lease.state is AuthState.CONNECTED:
            self._pool.submit(self._try, partial(self._announce, lease, instance))
        self._leave_if_asked(self._leases[lease.instance_id])

    def _note_paired(self, lease: Lease, instance: Instance) -> None:
        """Runs on the connection's own thread: it returns when the login says so."""
        if session_leases.note_paired(self._deps, lease):
            self._announce(lease, instance)

    def _leave_if_asked(self, lease: Lease) -> None:
        """End a session at its provider that was logged out here."""
        connection = self._connections.get(lease.instance_id)
        if lease.state is not AuthState.LOGGING_OUT or not isinstance(connection, SupportsLeaving):
            return
        if lease.secret in self._leaving:
            return
        self._leaving.add(lease.secret)

        def leave() -> None:
            try:
                connection.leave()
                settle = partial(self._settle, lease, is_final=True, why="logged out")
            except ProviderUnavailable as error:
                # Its connection ends, and whoever opens it next tries again.
                settle = partial(self._settle, lease, is_final=False, why=error.detail, pause=_PAUSE)
            finally:
                self._leaving.discard(lease.secret)
            self._soon(settle)

        self._pool.submit(self._try, leave)

    def _announce(self, lease: Lease, instance: Instance) -> None:
        if not session_leases.is_ours(self._deps, lease):
            return  # logged out while the connection was being opened, as the next renewal will find
        connection_state.apply_connection(self._deps, instance, ConnectionChanged(status=InstanceStatus.CONNECTED))
        for conversation_id in session_leases.conversations_to_send(self._deps, lease.instance_id):
            enqueueing.wake(self._deps, lease.tenant_id, conversation_id, instance)

    def _settle(self, lease: Lease, is_final: bool, why: str, pause: timedelta = timedelta(0)) -> None:
        """A connection has ended, or could not be opened; one of a former login is ignored."""
        if not self._is_held(lease):
            return
        connection = self._drop(lease)
        self._pool.submit(self._try, partial(self._give_up, lease, connection, is_final, why, pause))

    def _give_up(
        self, lease: Lease, connection: OpenConnection | None, is_final: bool, why: str, pause: timedelta
    ) -> None:
        _close(connection)
        if is_final:
            session_leases.end(self._deps, lease, why)
            return
        logger.warning("there is no connection: %s", why, extra={"instance_id": lease.instance_id})
        session_leases.release(self._deps, lease, pause)
        if not pause:
            self._soon(self._look_now)

    def _look_now(self) -> None:
        self._next_look = self._next_renewal = 0.0

    def _is_held(self, lease: Lease) -> bool:
        current = self._leases.get(lease.instance_id)
        return current is not None and current.secret == lease.secret

    def _instance(self, lease: Lease) -> Instance | None:
        """The instance as it is now: it may have been connected just before.

        Without the connection of one that was deleted its session could not be ended at the provider.
        """
        try:
            return instance_lookup.by_id(self._deps, lease.tenant_id, lease.instance_id)
        except NotFound:
            return removals.under_way(self._deps, lease.instance_id)

    def _updated(self, lease: Lease, update: Mapping[str, Any]) -> None:
        """Publish an update; raises when it could not be stored, and then it comes again.

        Nothing is published of a connection that is only there so that the account can be unlinked.
        """
        if self._leases.get(lease.instance_id, lease).state is AuthState.LOGGING_OUT:
            return
        instance = instance_lookup.find_cached(self._deps, instance_id=lease.instance_id)
        if instance is None:
            return
        with tracing():
            try:
                config = instance_config.load_config(self._deps, instance)
                if self._channels[lease.adapter].is_relevant(instance, config, update):
                    webhooks.take_update(self._deps, instance, update)
            except PayloadInvalid as error:
                logger.error("an update could not be read: %s", error.detail, extra={"instance_id": instance.id})

    def _connection_ended(self, lease: Lease, is_final: bool, why: str) -> None:
        self._soon(partial(self._settle, lease, is_final, why))

    def _position(self, lease: Lease) -> dict[str, Any] | None:
        connection = self._connections.get(lease.instance_id)
        return connection.position() if connection is not None else None

    def _drop(self, lease: Lease) -> OpenConnection | None:
        """Give a session up; returns its connection, which has to be closed."""
        self._leases.pop(lease.instance_id, None)
        self._channels[lease.adapter].drop(lease.instance_id)
        return self._connections.pop(lease.instance_id, None)

    def _let_go(self, lease: Lease) -> None:
        position = self._position(lease)
        _close(self._drop(lease))
        self._try(partial(session_leases.release, self._deps, lease, position=position))
        self._try(partial(have_holders_look, self._deps, lease.tenant_id, lease.instance_id))


def _close(connection: OpenConnection | None) -> None:
    if connection is not None:
        connection.close()


def connections_of(deps: Deps) -> dict[str, Connections[BaseModel]]:
    """The channels that have such accounts and that the settings allow."""
    modules = ((name, channels.ability(name, ConnectionModule[BaseModel])) for name in channels.names())
    opened = ((name, module.connections(deps)) for name, module in modules if module is not None)
    return {name: connections for name, connections in opened if connections is not None}


def sessions_for(deps: Deps) -> Sessions:
    whatsapp.offer(deps)
    return Sessions(deps, connections_of(deps), capacity=holders.capacity(deps))


def watching(sessions: Sessions, deliver_to_clients: Callable[[RealtimeEvent], None]) -> Callable[[Any], None]:
    """The consumer of `realtime`: events for clients go to them, events for a connection go to its holder."""

    def consume(event: RealtimeEvent) -> None:
        if event.name == WAKE:
            sessions.wake(event)
        elif event.name == TYPING:
            sessions.show_typing(event)
        elif event.name == RESTART:
            sessions.restart(event)
        elif event.name == LOOK:
            sessions.look()
        else:
            deliver_to_clients(event)

    return consume
