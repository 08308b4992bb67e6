"""The Socket.IO server: clients join the rooms of their tenant's instances and receive their events."""

from __future__ import annotations

import asyncio
import logging
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypeGuard, TypeVar
from weakref import WeakValueDictionary

from socketio.exceptions import ConnectionRefusedError as Refused

from functions.omnichat import wire
from infra.local.server.asgi import ASGIApp
from infra.sockets import doors
from infra.sockets.admission import Admission, ConnectionLimits
from infra.sockets.credentials import Guest, Holder, Kind, Proof, admit, holder_of
from infra.sockets.dashboards import DashboardSockets
from infra.sockets.engine import FAREWELL_SECONDS, socketio_server
from infra.sockets.event_streams import EventStreams
from infra.sockets.streams import Streams
from shared.channels.widget.outbound import EVENT as VISITOR_MESSAGE
from shared.deps import Deps
from shared.documents.unit_of_work import UnitOfWork
from shared.domain.accounts import Principal, Role
from shared.domain.events import RealtimeEvent
from shared.errors import HubError, NotFound, Unauthorized
from shared.usecases import realtime
from shared.usecases.accounts import availabilities
from shared.usecases.conversations import presence
from shared.usecases.instances import instance_lookup, instance_operations
from shared.usecases.sessions.visitors import Visitor

logger = logging.getLogger(__name__)

Ack: TypeAlias = dict[str, object]
K = TypeVar("K")

MAX_ROOMS = 200
"""Rooms that one client may be in."""

FOR_ADMINS = frozenset({realtime.WHATSAPP_QR})
"""Events that let whoever sees them take an account over, as over HTTP for admins alone."""

FOR_SOME = FOR_ADMINS | {realtime.NOTIFICATION_CREATED}
"""Events that not everybody in their rooms may hear."""

FOR_GUESTS = frozenset({realtime.CHANNEL_STATUS})
"""What a client without a credential may hear."""

EVERY_CHANNEL = "*"
"""In place of an instance's id: the room of those who hear all of a tenant's channels."""

HAND_OVER_SECONDS = 10.0
"""How long an event may take to get to the queues of its room's clients; only a stuck event loop needs this."""

_CHANNEL_ID = re.compile(r"[\w-]{1,128}", re.ASCII)
_RANDOM_ID = re.compile(r"[0-9a-f]{24}")


@dataclass(eq=False, slots=True, weakref_slot=True)
class _Room:
    """Kept by the clients that are in it alone; `announced` counts the standing events since the first of them came."""

    announced: int = 0


@dataclass(slots=True)
class _Client:
    proof: Proof
    holder: Holder
    engine_id: str
    rooms: dict[str, _Room] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    """What the client calls its rooms, by the channel's id, name or slug."""

    @property
    def tenant_id(self) -> str:
        return self.holder.instance.tenant_id if isinstance(self.holder, Visitor) else self.holder.tenant_id

    @property
    def person(self) -> tuple[str, str] | None:
        """The tenant and the id of the user whose page it is; None where it is nobody's."""
        user_id = self.holder.user_id if isinstance(self.holder, Principal) else None
        return (self.tenant_id, user_id) if user_id is not None else None

    @property
    def hears_every_channel(self) -> bool:
        """Whether it is somebody's page without a token, which may not know what to join."""
        return isinstance(self.holder, Principal) and self.proof.kind is not Kind.CREDENTIAL

    def may_hear(self, name: str, user_id: str | None = None) -> bool:
        """Whether an event of a room that the client is in is for its eyes; `user_id` is whom alone it is for."""
        if isinstance(self.holder, Guest):
            return name in FOR_GUESTS
        if user_id is not None and not (isinstance(self.holder, Principal) and self.holder.user_id == user_id):
            return False
        is_admin = isinstance(self.holder, Principal) and self.holder.role.covers(Role.ADMIN)
        return is_admin or name not in FOR_ADMINS


class SocketServer:
    """Rooms by instance, for principals of the instance's tenant, and one for each widget visitor, who is put there.

    A page that came without a token, by its session's cookie for one, hears all channels of its tenant.

    `start` and `close` belong to the event loop that serves `asgi`; `deliver`
    may be called from any thread. Every `recheck_seconds` credentials are checked
    again: the connection of a client whose credential has run out is dropped,
    and so is that of who has not shown one within `handshake_seconds`. A client
    whose connection was dropped connects again by itself, with the credential
    that it has by then; one that the server disconnects would stay away.
    """

    def __init__(
        self,
        deps: Deps,
        recheck_seconds: float = 30.0,
        handshake_seconds: float = 20.0,
        limits: ConnectionLimits | None = None,
    ) -> None:
        self._deps = deps
        self._limits = limits or ConnectionLimits()
        self._recheck_seconds = recheck_seconds
        self._handshake_seconds = handshake_seconds
        self._clients: dict[str, _Client] = {}
        self._by_proof: Counter[Proof] = Counter()
        self._by_tenant: Counter[str] = Counter()
        self._visitors_by_tenant: Counter[str] = Counter()
        self._rooms: WeakValueDictionary[str, _Room] = WeakValueDictionary()
        self._strangers: dict[str, float] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._watching: asyncio.Task[None] | None = None
        self._streams = Streams(deps)
        self._event_streams = EventStreams(deps, self._streams, self._limits)
        self._following: dict[str, str] = {}
        """The tenants of clients that follow with a cursor, by client."""
        self._dashboards = DashboardSockets(deps, self._limits, handshake_seconds)
        self._io = socketio_server(deps.settings, max_packets=MAX_ROOMS + 16)
        self._admission = Admission(deps.settings, self._limits, self._io)
        self._io.on("connect", self._connect)
        self._io.on("disconnect", self._disconnect)
        for name in ("join-channel", "joinChannel"):
            self._io.on(name, self._join)
        for name in ("leave-channel", "leaveChannel"):
            self._io.on(name, self._leave)
        self._io.on("join-tenant", self._join_tenant)
        self._io.on("typing", self._type)

    def asgi(self, otherwise: ASGIApp) -> ASGIApp:
        """The app that answers at the socket path, under `/ws` and at `/api/events/stream`, and leaves every other path
        to `otherwise`.
        """
        settings = self._deps.settings
        beside_dashboards = self._dashboards.beside(self._event_streams.beside(otherwise))
        app = doors.beside(self._io, settings.socket_path, beside_dashboards, self._handshake_seconds)
        return doors.safe(app, settings)

    async def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._watching = asyncio.create_task(self._watch())

    async def close(self) -> None:
        """Drop every connection without a word, upon which clients connect again by themselves."""
        if self._watching is not None:
            self._watching.cancel()
        self._loop = None
        self._dashboards.close()
        self._event_streams.close()
        for engine_id in list(self._io.eio.sockets):
            await self._drop(engine_id)
        await self._io.shutdown()

    def deliver(self, event: RealtimeEvent) -> None:
        """Hand an event to everybody in its room; returns when it is in their queues, so that order stays.

        An event without a wire form is logged and dropped: retrying would only delay the room.
        """
        loop, rooms = self._loop, [name for name in _rooms_of(event) if name in self._rooms]
        if loop is None:
            return
        if event.is_kept and self._streams.is_followed(event.tenant_id):
            with suppress(RuntimeError):  # the loop has just been closed
                loop.call_soon_threadsafe(self._streams.wake, event.tenant_id)
        if event.name in realtime.FOR_FOLLOWERS:
            return
        if rooms or self._dashboards.are_watched(event.tenant_id):
            event = self._completed(event)
        self._dashboards.deliver(event, loop)
        if event.name in realtime.FOR_DASHBOARDS or not rooms:
            return
        try:
            payload = wire.payload(event)
        except (KeyError, TypeError, ValueError) as error:
            why = {"event": event.name, "event_id": event.id, "why": type(error).__name__}
            logger.error("dropped a realtime event", extra=why)
            return
        emitted = asyncio.run_coroutine_threadsafe(self._tell(rooms, event, payload), loop)
        emitted.result(HAND_OVER_SECONDS)

    def _completed(self, event: RealtimeEvent) -> RealtimeEvent:
        """As `realtime.completed`; the event as it is where the store does not answer."""
        try:
            return realtime.completed(self._deps, event)
        except HubError as error:
            logger.warning("an event could not be completed: %s", error.detail)
            return event

    async def _tell(self, rooms: Sequence[str], event: RealtimeEvent, payload: wire.Payload) -> None:
        for room in [self._rooms[name] for name in rooms if name in self._rooms]:
            room.announced += event.name in realtime.STANDING
        # Whoever follows with a cursor is told by the log.
        others = self._followers_of(event.tenant_id) if event.is_kept else []
        for name in wire.names(event.name):
            if event.name in FOR_SOME:
                for sid, client in list(self._clients.items()):
                    is_there = sid not in others and not client.rooms.keys().isdisjoint(rooms)
                    if is_there and client.may_hear(event.name, realtime.addressee(event)):
                        await self._io.emit(name, payload, to=sid)
            else:
                await self._io.emit(name, payload, room=list(rooms), skip_sid=others)

    def _followers_of(self, tenant_id: str) -> list[str]:
        return [sid for sid, followed in self._following.items() if followed == tenant_id]

    async def _connect(self, sid: str, environ: Mapping[str, Any], auth: object = None) -> None:
        try:
            proof, holder = await asyncio.to_thread(admit, self._deps, environ, auth)
        except Unauthorized as error:
            raise Refused(f"unauthorized: {error.detail}") from error
        except HubError as error:
            logger.warning("a client could not be checked: %s", error.detail)
            raise Refused("unavailable: try again later") from error
        engine_id = self._io.manager.eio_sid_from_sid(sid, "/")
        if not self._is_open(engine_id):
            # Nobody would tell that it went: the library does so only of clients that it has let in.
            raise Refused("gone")
        client = _Client(proof, holder, engine_id)
        if proof.kind is not Kind.NOTHING and self._by_proof[proof] >= self._limits.of_credential:
            raise Refused("unavailable: there are too many connections with this credential")
        by_tenant, most = self._count_of(client)
        if by_tenant[client.tenant_id] >= most:
            raise Refused("unavailable: there are too many connections of this business")
        self._clients[sid] = client
        self._by_proof[proof] += 1
        by_tenant[client.tenant_id] += 1
        await asyncio.to_thread(self._note_signs, {client.person})
        if isinstance(holder, Visitor):
            await self._enter(sid, client, _room_name(client.tenant_id, holder.room))
        elif client.hears_every_channel:
            await self._enter(sid, client, _room_name(client.tenant_id, EVERY_CHANNEL))

    def _count_of(self, client: _Client) -> tuple[Counter[str], int]:
        """The count that the client is part of, by tenant, and how many there may be."""
        if isinstance(client.holder, Visitor):
            return self._visitors_by_tenant, self._limits.of_visitors
        return self._by_tenant, self._limits.of_tenant

    def _is_open(self, engine_id: str) -> bool:
        connection = self._io.eio.sockets.get(engine_id)
        return connection is not None and not connection.closing

    async def _disconnect(self, sid: str, reason: object = None) -> None:
        client = self._clients.pop(sid, None)
        if client is None:
            return
        self._unfollow(sid)
        _one_less(self._by_proof, client.proof)
        _one_less(self._count_of(client)[0], client.tenant_id)
        # Nothing else is said on this connection, but not every client then closes it.
        closing = asyncio.create_task(self._close(client.engine_id, after=FAREWELL_SECONDS))
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)

    async def _drop(self, engine_id: str) -> None:
        """Let go of a connection without a word: whom the library tells that it disconnects stays away."""
        connection = self._io.eio.sockets.get(engine_id)
        if connection is not None:
            await connection.close(wait=False, abort=True)

    async def _close(self, engine_id: str, after: float = 0.0) -> None:
        await asyncio.sleep(after)
        connection = self._io.eio.sockets.get(engine_id)
        if connection is not None:
            await connection.close(wait=False)

    async def _join(self, sid: str, *args: object) -> Ack:
        client, channel = self._clients.get(sid), _channel_id(args)
        if client is None or channel is None:
            return _refusal("give the channel's id")
        if isinstance(client.holder, Visitor):
            return _refusal("there is no such channel")
        try:
            instance_id = await asyncio.to_thread(_joinable_id, self._deps, client.holder, channel)
        except NotFound:
            return _refusal("there is no such channel")
        except HubError:
            return _refusal("the store does not answer, try again")
        name = _room_name(client.tenant_id, instance_id)
        if name not in client.rooms and len(client.rooms) >= MAX_ROOMS:
            return _refusal(f"a client can be in at most {MAX_ROOMS} channels")
        await self._enter(sid, client, name)
        client.names[channel] = name
        room = client.rooms.get(name)
        if room is not None:
            await self._catch_up(sid, client, instance_id, room)
        return {"ok": True}

    async def _join_tenant(self, sid: str, *args: object) -> Ack:
        """Hear all channels of the tenant, and the notifications that are for the client's person or for everybody.

        With `{since}`, a cursor or null, the client is first told what it has missed, and each event has a cursor.
        """
        client = self._clients.get(sid)
        if client is None or not isinstance(client.holder, Principal):
            return _refusal("this needs a credential")
        await self._enter(sid, client, _room_name(client.tenant_id, EVERY_CHANNEL))
        argument = args[0] if args else None
        return await self._follow(sid, client, argument["since"]) if _names_since(argument) else {"ok": True}

    async def _follow(self, sid: str, client: _Client, cursor: object) -> Ack:
        if cursor is not None and not isinstance(cursor, str):
            return _refusal("since is a cursor, or null")
        tenant_id = client.tenant_id

        async def tell(event: RealtimeEvent, cursor: str) -> None:
            await self._tell_follower(sid, client, event, cursor)

        self._unfollow(sid)
        self._following[sid] = tenant_id
        try:
            joined = await self._streams.join(tenant_id, sid, tell, cursor)
        except HubError:
            self._unfollow(sid)
            return _refusal("the store does not answer, try again")
        if self._clients.get(sid) is not client:
            self._unfollow(sid)
        return {"ok": True, "cursor": joined.cursor, "reload": joined.reload}

    async def _tell_follower(self, sid: str, client: _Client, event: RealtimeEvent, cursor: str) -> None:
        if self._clients.get(sid) is not client or not client.may_hear(event.name, realtime.addressee(event)):
            return
        try:
            payload = wire.payload(event)
        except (KeyError, TypeError, ValueError) as error:
            logger.error("dropped a realtime event", extra={"event": event.name, "why": type(error).__name__})
            return
        await self._io.emit(event.name, payload | {"cursor": cursor}, to=sid)

    def _unfollow(self, sid: str) -> None:
        tenant_id = self._following.pop(sid, None)
        if tenant_id is not None:
            self._streams.leave(tenant_id, sid)

    async def _type(self, sid: str, *args: object) -> None:
        """A visitor of a widget writes; people say so over HTTP."""
        client = self._clients.get(sid)
        if client is None or not isinstance(client.holder, Visitor):
            return
        try:
            await asyncio.to_thread(presence.customer_types, self._deps, client.holder.instance, client.holder.id)
        except HubError as error:
            logger.info("people were not told that a visitor writes", extra={"why": error.detail})

    async def _catch_up(self, sid: str, client: _Client, channel: str, room: _Room) -> None:
        """Tell one client what was said before it came; what the room hears meanwhile is newer, so look again then."""
        announced = -1
        while announced != room.announced:
            announced = room.announced
            try:
                events = await asyncio.to_thread(_missed, self._deps, channel)
            except HubError as error:
                logger.warning("a client could not be told how its channel stands: %s", error.detail)
                return
        for event in events:
            for name in wire.names(event.name) if client.may_hear(event.name) else ():
                await self._io.emit(name, wire.payload(event), to=sid)

    async def _enter(self, sid: str, client: _Client, name: str) -> None:
        # The client may have gone while the store was asked.
        if self._clients.get(sid) is client and name not in client.rooms:
            client.rooms[name] = self._rooms.setdefault(name, _Room())
            await self._io.enter_room(sid, name)

    async def _leave(self, sid: str, *args: object) -> Ack:
        client, channel = self._clients.get(sid), _channel_id(args)
        if client is None or channel is None:
            return _refusal("give the channel's id")
        if isinstance(client.holder, Visitor):
            return _refusal("there is no such channel")
        name = client.names.pop(channel, _room_name(client.tenant_id, channel))
        if name in client.rooms:
            del client.rooms[name]
            await self._io.leave_room(sid, name)
        return {"ok": True}

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(self._recheck_seconds)
            try:
                await self._disconnect_expired()
                await asyncio.to_thread(self._note_signs, {client.person for client in self._clients.values()})
                await self._dashboards.recheck()
                await self._close_strangers()
                self._admission.forget_closed()
                self._streams.wake_all()
                await self._dashboards.tell_figures()
            except Exception:
                logger.exception("clients could not be checked again")

    async def _disconnect_expired(self) -> None:
        proofs = {client.proof for client in self._clients.values()}
        holders = await asyncio.to_thread(self._holders, proofs)
        for client in list(self._clients.values()):
            holder = holders.get(client.proof, client.holder)
            if holder is None:
                await self._drop(client.engine_id)
            else:
                client.holder = holder

    def _note_signs(self, people: set[tuple[str, str] | None]) -> None:
        """Pages of these people are open, each named by tenant and user."""
        for person in people:
            if person is None:
                continue
            try:
                availabilities.note_sign(self._deps, *person)
            except HubError as error:
                logger.warning("it could not be noted that somebody is there: %s", error.detail)

    def _holders(self, proofs: set[Proof]) -> dict[Proof, Holder | None]:
        """Who holds each credential by now, for roles change; None where it has run out."""
        holders: dict[Proof, Holder | None] = {}
        for proof in proofs:
            try:
                holders[proof] = holder_of(self._deps, proof)
            except Unauthorized:
                holders[proof] = None
            except HubError as error:
                logger.warning("a client could not be checked again: %s", error.detail)
        return holders

    async def _close_strangers(self) -> None:
        """Close connections that never said who they are, or were refused and stayed."""
        now = asyncio.get_running_loop().time()
        authenticated = {client.engine_id for client in self._clients.values()}
        strangers = [engine_id for engine_id in self._io.eio.sockets if engine_id not in authenticated]
        self._strangers = {engine_id: self._strangers.get(engine_id, now) for engine_id in strangers}
        for engine_id, since in self._strangers.items():
            if now - since >= self._handshake_seconds:
                await self._close(engine_id)


def _one_less(counter: Counter[K], key: K) -> None:
    counter[key] -= 1
    if not counter[key]:
        del counter[key]


def _room_name(tenant_id: str, instance_id: str) -> str:
    """Every client is also in a room named after its own session; a room's name here can never equal one."""
    return f"{tenant_id}/{instance_id}"


def _rooms_of(event: RealtimeEvent) -> list[str]:
    """The rooms that are told an event."""
    rooms = [_room_name(event.tenant_id, event.room)]
    if event.name != VISITOR_MESSAGE:
        rooms.append(_room_name(event.tenant_id, EVERY_CHANNEL))
    if event.name in FOR_GUESTS:
        rooms.append(_room_name(Guest().tenant_id, event.room))
    return rooms


def _names_since(argument: object) -> TypeGuard[dict[str, object]]:
    return isinstance(argument, dict) and "since" in argument


def _channel_id(args: tuple[object, ...]) -> str | None:
    channel = args[0] if args else None
    if isinstance(channel, dict):
        channel = channel.get("channelInstanceId")
    return channel if isinstance(channel, str) and _CHANNEL_ID.fullmatch(channel) else None


def _joinable_id(deps: Deps, holder: Principal | Guest, channel: str) -> str:
    """The id of the channel with an id, name or slug; raises `NotFound`.

    A guest knows a random id, for which somebody has shown it the channel.
    """
    instances = UnitOfWork(deps.store).instances
    if isinstance(holder, Guest):
        is_random = _RANDOM_ID.fullmatch(channel) is not None
        if not is_random or instances.of_any_tenant(channel) is None:
            raise NotFound("there is no such channel")
        return channel
    if instances.owned_or_none(holder.tenant_id, channel) is not None:
        return channel
    return instance_lookup.by_key(deps, holder.tenant_id, channel).id


def _missed(deps: Deps, instance_id: str) -> list[RealtimeEvent]:
    instance = UnitOfWork(deps.store).instances.of_any_tenant(instance_id)
    if instance is None:
        return []
    return realtime.missed(instance, instance.pairing if instance_operations.has_code(deps, instance) else None)


def _refusal(detail: str) -> Ack:
    return {"ok": False, "detail": detail}
