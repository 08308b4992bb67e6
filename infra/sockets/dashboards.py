"""Plain WebSockets for dashboards: JSON frames about a tenant's sessions, messages, channels, campaigns and figures."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from infra.local.server.asgi import ASGIApp, Receive, Scope, Send
from infra.sockets.admission import ConnectionLimits
from infra.sockets.credentials import Kind, Proof, credential_of, holder_of, origin_allowed, stranger
from infra.sockets.frames import Frame, Interest, frames_of, frames_of_figures, interest_of
from shared.deps import Deps
from shared.domain.accounts import Principal
from shared.domain.events import RealtimeEvent
from shared.errors import HubError, Unauthorized
from shared.http.limits import address_of
from shared.usecases.instances import instance_lookup
from shared.usecases.overview import live_figures

logger = logging.getLogger(__name__)

UNREAD_FRAMES = 200
"""Frames that may wait for a client to take them; one that takes fewer is given up."""

UNAUTHORIZED, TOO_MANY, TOO_SLOW, RESTARTING = 1008, 1013, 1013, 1012
"""Codes of RFC 6455 and its registry with which a connection is closed. After all of them pages try again later."""


@dataclass(eq=False, slots=True)
class _Connection:
    interest: Interest
    address: str
    principal: Principal | None
    credential: str | None
    outgoing: asyncio.Queue[Frame | int] = field(default_factory=lambda: asyncio.Queue(UNREAD_FRAMES))
    """Frames to send, or the code with which to close."""

    @property
    def tenant_id(self) -> str | None:
        return self.principal.tenant_id if self.principal else None


class DashboardSockets:
    """The connections of this process. `deliver` may be called from any thread, all else belongs to the event loop.

    Who connects shows a credential in the handshake's headers or in the first message (`{type: "auth", token}`). Where
    HTTP is open to callers without one (`ANONYMOUS_TENANT`, development), so is this; then only pages of allowed
    origins come in, for browsers ask nobody before they open a WebSocket.
    """

    def __init__(self, deps: Deps, limits: ConnectionLimits, handshake_seconds: float) -> None:
        self._deps = deps
        self._limits = limits
        self._handshake_seconds = handshake_seconds
        self._connections: set[_Connection] = set()
        self._changed: set[str] = set()
        """The tenants of whom something was told since their dashboards last heard figures, or a dashboard is new."""

    def beside(self, otherwise: ASGIApp) -> ASGIApp:
        """The application that answers WebSockets under `/ws`, and leaves all else to `otherwise`."""

        async def answer(scope: Scope, receive: Receive, send: Send) -> None:
            interest = interest_of(scope["path"]) if scope["type"] == "websocket" else None
            if interest is None:
                await otherwise(scope, receive, send)
            else:
                await self._serve(interest, scope, receive, send)

        return answer

    def are_watched(self, tenant_id: str) -> bool:
        """Whether any dashboard of the tenant is connected."""
        return any(each.tenant_id == tenant_id for each in self._connections.copy())

    def deliver(self, event: RealtimeEvent, loop: asyncio.AbstractEventLoop) -> None:
        """Hand an event to the tenant's dashboards; one that has no form is logged and dropped."""
        if not self.are_watched(event.tenant_id):
            return
        try:
            frames = frames_of(event, instance_lookup.cached(self._deps, event.tenant_id, event.room))
        except (HubError, KeyError, ValueError) as error:
            why = {"event": event.name, "event_id": event.id, "why": type(error).__name__}
            logger.error("a dashboard was not told of an event", extra=why)
            return
        with suppress(RuntimeError):  # the loop has just been closed
            loop.call_soon_threadsafe(self._tell, event.tenant_id, frames)

    async def recheck(self) -> None:
        """Close the connections whose credential has run out; their pages connect again with a new one."""
        credentials = {each.credential for each in self._connections if each.credential is not None}
        holders = await asyncio.to_thread(self._holders, credentials)
        for each in self._connections:
            if each.credential in holders:
                each.principal = holders[each.credential]
                if each.principal is None:
                    _close(each, UNAUTHORIZED)

    async def tell_figures(self) -> None:
        """Tell dashboards their tenant's figures where these may have changed since the last time."""
        watching = {each.tenant_id for each in self._connections if each.interest.subject is None}
        changed, self._changed = self._changed, set()
        for tenant_id in changed & watching:
            try:
                figures = await asyncio.to_thread(live_figures.of_tenant, self._deps, tenant_id)
            except HubError as error:
                logger.warning("dashboards could not be told figures: %s", error.detail)
                self._changed.add(tenant_id)
            else:
                self._spread(tenant_id, frames_of_figures(figures))

    def close(self) -> None:
        for each in self._connections:
            _close(each, RESTARTING)

    async def _serve(self, interest: Interest, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()  # `websocket.connect`
        environ = environ_of(scope)
        origin = environ.get("HTTP_ORIGIN")
        if origin is not None and not origin_allowed(self._deps.settings, origin, environ):
            await send({"type": "websocket.close", "code": UNAUTHORIZED})  # before it is accepted: 403
            return
        credential = credential_of(environ, None)
        principal = None if credential else stranger(self._deps.settings, environ.get("HTTP_HOST", ""))
        connection = _Connection(interest, self._address(scope, environ), principal, credential)
        self._connections.add(connection)
        try:
            await self._admit(connection, receive, send)
        finally:
            self._connections.discard(connection)

    def _address(self, scope: Scope, environ: Mapping[str, str]) -> str:
        client = scope.get("client") or ("",)
        return address_of(self._deps.settings, environ.get("HTTP_X_FORWARDED_FOR", ""), str(client[0]))

    async def _admit(self, connection: _Connection, receive: Receive, send: Send) -> None:
        if self._is_full_for(connection):
            await send({"type": "websocket.close", "code": TOO_MANY})
            return
        await send({"type": "websocket.accept"})
        if not await self._let_in(connection, receive):
            await send({"type": "websocket.close", "code": UNAUTHORIZED})
        elif self._is_full_for(connection):
            await send({"type": "websocket.close", "code": TOO_MANY})
        else:
            await self._hold(connection, receive, send)

    async def _hold(self, connection: _Connection, receive: Receive, send: Send) -> None:
        sending = asyncio.create_task(self._send_all(connection, send))
        reading = asyncio.create_task(self._read_all(connection, receive))
        try:
            await asyncio.wait((sending, reading), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (sending, reading):
                task.cancel()
            await asyncio.gather(sending, reading, return_exceptions=True)

    async def _let_in(self, connection: _Connection, receive: Receive) -> bool:
        """Learn who it is: by the handshake, else as a stranger, else by its first message."""
        if connection.credential is not None:
            return await self._recognize(connection, connection.credential)
        if connection.principal is not None:
            self._changed.add(connection.principal.tenant_id)
            return True
        try:
            async with asyncio.timeout(self._handshake_seconds):
                token = _token_in(_message_in(await receive()))
        except TimeoutError:
            return False
        return token is not None and await self._recognize(connection, token)

    async def _recognize(self, connection: _Connection, credential: str) -> bool:
        try:
            holder = await asyncio.to_thread(holder_of, self._deps, Proof(Kind.CREDENTIAL, credential))
        except HubError as error:
            logger.info("a dashboard was not let in", extra={"why": error.code})
            return False
        if not isinstance(holder, Principal):
            return False
        connection.principal, connection.credential = holder, credential
        self._changed.add(holder.tenant_id)
        return True

    def _is_full_for(self, connection: _Connection) -> bool:
        """Whether there are as many others as there may be, of the process or of what is known of this one so far."""
        others = [each for each in self._connections if each is not connection]
        tenant_id = connection.principal.tenant_id if connection.principal else None
        is_full = (
            len(others) >= self._limits.of_process
            or sum(each.address == connection.address for each in others) >= self._limits.of_address
            or (tenant_id and sum(each.tenant_id == tenant_id for each in others) >= self._limits.of_tenant)
            or (connection.principal and self._count_of(connection.credential, others) >= self._limits.of_credential)
        )
        if is_full:
            logger.warning("a dashboard was refused: there are too many", extra={"address": connection.address})
        return bool(is_full)

    def _count_of(self, credential: str | None, others: Iterable[_Connection]) -> int:
        return sum(each.credential == credential for each in others) if credential else 0

    async def _read_all(self, connection: _Connection, receive: Receive) -> None:
        """Answer signs of life, and take a token that comes later, until the client goes."""
        while True:
            event = await receive()
            if event["type"] == "websocket.disconnect":
                return
            message = _message_in(event)
            token = _token_in(message)
            if token is not None and token != connection.credential:
                if not await self._recognize(connection, token):
                    _close(connection, UNAUTHORIZED)
                elif self._is_full_for(connection):
                    _close(connection, TOO_MANY)
            elif message.get("type") in ("ping", "heartbeat"):
                _put(connection, Frame("heartbeat", {}))

    async def _send_all(self, connection: _Connection, send: Send) -> None:
        while True:
            frame = await connection.outgoing.get()
            if isinstance(frame, int):
                await send({"type": "websocket.close", "code": frame})
                return
            await send({"type": "websocket.send", "text": json.dumps(frame.at(self._deps.now()), ensure_ascii=False)})

    def _tell(self, tenant_id: str, frames: Iterable[Frame]) -> None:
        self._changed.add(tenant_id)
        self._spread(tenant_id, frames)

    def _spread(self, tenant_id: str, frames: Iterable[Frame]) -> None:
        for frame in frames:
            for each in self._connections:
                if each.tenant_id == tenant_id and each.interest.covers(frame):
                    _put(each, frame)

    def _holders(self, credentials: Iterable[str]) -> dict[str, Principal | None]:
        """Who holds each credential by now; None where it has run out, nothing where nobody can tell."""
        holders: dict[str, Principal | None] = {}
        for credential in credentials:
            try:
                holder = holder_of(self._deps, Proof(Kind.CREDENTIAL, credential))
                holders[credential] = holder if isinstance(holder, Principal) else None
            except Unauthorized:
                holders[credential] = None
            except HubError as error:
                logger.warning("a dashboard could not be checked again: %s", error.detail)
        return holders


def _put(connection: _Connection, frame: Frame) -> None:
    try:
        connection.outgoing.put_nowait(frame)
    except asyncio.QueueFull:
        _close(connection, TOO_SLOW)


def _close(connection: _Connection, code: int) -> None:
    """Close it next, whatever was to be sent before: its page asks for the lists again when it is back."""
    while not connection.outgoing.empty():
        connection.outgoing.get_nowait()
    connection.outgoing.put_nowait(code)


def _message_in(event: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a client says; an empty one for what is no JSON object."""
    try:
        message = json.loads(event.get("text") or "")
    except (ValueError, RecursionError):
        return {}
    return message if isinstance(message, dict) else {}


def _token_in(message: Mapping[str, Any]) -> str | None:
    """The credential of an `auth` message; one without a token only says that the page is there."""
    if message.get("type") != "auth":
        return None
    payload = message.get("payload")
    return credential_of({}, message) or credential_of({}, payload)


def environ_of(scope: Scope) -> dict[str, str]:
    """The handshake's headers as WSGI spells them."""
    headers = {
        name.decode("latin-1").upper().replace("-", "_"): value.decode("latin-1") for name, value in scope["headers"]
    }
    return {f"HTTP_{name}": value for name, value in headers.items()}
