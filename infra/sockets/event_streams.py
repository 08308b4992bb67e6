"""The events of a tenant as server-sent events, for clients without Socket.IO.

https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from functions.omnichat import wire
from infra.local.server.asgi import ASGIApp, Receive, Scope, Send
from infra.sockets.admission import ConnectionLimits
from infra.sockets.credentials import Proof, admit, holder_of, origin_allowed
from infra.sockets.dashboards import environ_of
from infra.sockets.streams import MOST_MISSED, Streams
from shared.deps import Deps
from shared.domain.accounts import Principal
from shared.domain.events import RealtimeEvent
from shared.errors import HubError, Unauthorized
from shared.http import cors
from shared.http.limits import address_of
from shared.usecases import realtime

logger = logging.getLogger(__name__)

PATH = "/api/events/stream"

HEARTBEAT_SECONDS = 15.0
"""After which a stream says that it is there; then the client's credential is looked at again, too."""

SEND_SECONDS = 60.0
"""How long a client may take to receive an event."""

UNREAD_EVENTS = MOST_MISSED + 1_000
"""Events that may wait for a client to take them; one that takes fewer is given up, and comes back with its cursor."""

_MOST_IN_A_CURSOR = 32_768


@dataclass(eq=False, slots=True)
class _Reader:
    """One client; None in `outgoing` ends its stream. `check_at` is when to look at its credential again."""

    proof: Proof
    principal: Principal
    address: str
    check_at: float
    outgoing: asyncio.Queue[bytes | None] = field(default_factory=lambda: asyncio.Queue(UNREAD_EVENTS))

    def put(self, chunk: bytes) -> None:
        try:
            self.outgoing.put_nowait(chunk)
        except asyncio.QueueFull:
            self.end()

    def end(self) -> None:
        while not self.outgoing.empty():
            self.outgoing.get_nowait()
        self.outgoing.put_nowait(None)


class EventStreams:
    """`GET /api/events/stream`, on top of the `Streams` that Socket.IO clients follow, too.

    All of it belongs to the event loop.
    """

    def __init__(
        self,
        deps: Deps,
        streams: Streams,
        limits: ConnectionLimits,
        heartbeat_seconds: float = HEARTBEAT_SECONDS,
        send_seconds: float = SEND_SECONDS,
    ) -> None:
        self._deps = deps
        self._streams = streams
        self._limits = limits
        self._heartbeat_seconds = heartbeat_seconds
        self._send_seconds = send_seconds
        self._readers: set[_Reader] = set()

    def beside(self, otherwise: ASGIApp) -> ASGIApp:
        """The application that answers at `PATH`, and leaves all else to `otherwise`."""

        async def answer(scope: Scope, receive: Receive, send: Send) -> None:
            method = scope["method"] if scope["type"] == "http" and scope["path"] == PATH else None
            if method == "GET":
                await self._serve(scope, receive, send)
            elif method == "OPTIONS":
                await self._preflight(scope, send)
            else:
                await otherwise(scope, receive, send)

        return answer

    def close(self) -> None:
        for reader in self._readers:
            reader.end()

    async def _preflight(self, scope: Scope, send: Send) -> None:
        """Tell a browser what a page may send that brings its credential in a header."""
        environ = environ_of(scope)
        origin = environ.get("HTTP_ORIGIN")
        headers = [(b"vary", b"Origin")]
        if origin is not None and origin_allowed(self._deps.settings, origin, environ):
            allowed = cors.preflight_headers(environ.get("HTTP_ACCESS_CONTROL_REQUEST_HEADERS", ""))
            headers = [*_cors_headers(origin), *((name.lower().encode(), allowed[name].encode()) for name in allowed)]
        await send({"type": "http.response.start", "status": 204, "headers": headers})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        environ = environ_of(scope)
        origin = environ.get("HTTP_ORIGIN")
        if origin is not None and not origin_allowed(self._deps.settings, origin, environ):
            await _refuse(send, 403, "this page may not call here", None)
            return
        try:
            proof, holder = await asyncio.to_thread(admit, self._deps, environ, None)
        except Unauthorized as error:
            await _refuse(send, 401, error.detail, origin)
            return
        except HubError:
            await _refuse(send, 503, "the store does not answer, try again", origin)
            return
        if not isinstance(holder, Principal):
            await _refuse(send, 401, "give a token or an API key", origin)
            return
        reader = _Reader(proof, holder, self._address(scope, environ), self._next_check())
        if self._is_full_for(reader):
            await _refuse(send, 429, "there are too many connections: close others, or try again later", origin)
        else:
            await self._stream(reader, _cursor(scope, environ), origin, receive, send)

    def _address(self, scope: Scope, environ: Mapping[str, str]) -> str:
        client = scope.get("client") or ("",)
        return address_of(self._deps.settings, environ.get("HTTP_X_FORWARDED_FOR", ""), str(client[0]))

    def _is_full_for(self, reader: _Reader) -> bool:
        others, person = self._readers, _person(reader)
        return (
            len(others) >= self._limits.of_process
            or sum(each.address == reader.address for each in others) >= self._limits.of_address
            or sum(each.principal.tenant_id == reader.principal.tenant_id for each in others) >= self._limits.of_tenant
            or sum(_person(each) == person for each in others) >= self._limits.of_credential
        )

    async def _stream(
        self, reader: _Reader, cursor: str | None, origin: str | None, receive: Receive, send: Send
    ) -> None:
        tenant_id = reader.principal.tenant_id

        async def tell(event: RealtimeEvent, cursor: str) -> None:
            await self._tell(reader, event, cursor)

        self._readers.add(reader)
        try:
            joined = await self._streams.join(tenant_id, reader, tell, cursor)
            # What the client has missed is in its queue by now, and nothing else: `join` does not wait after that.
            if joined.reload or reader.outgoing.empty():
                reader.put(_chunk("reload" if joined.reload else "joined", {}, joined.cursor))
            headers = _headers(origin, b"text/event-stream")
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await self._send_all(reader, receive, send)
        except HubError:
            await _refuse(send, 503, "the store does not answer, try again", origin)
        finally:
            self._readers.discard(reader)
            self._streams.leave(tenant_id, reader)

    async def _send_all(self, reader: _Reader, receive: Receive, send: Send) -> None:
        leaving = asyncio.create_task(_gone(receive))
        try:
            while not leaving.done() and (chunk := await self._next(reader)) is not None:
                await self._send(send, chunk, more=True)
            await self._send(send, b"", more=False)
        except TimeoutError:
            logger.info("a client that took no events was given up")
        finally:
            leaving.cancel()
            with suppress(asyncio.CancelledError):
                await leaving

    async def _send(self, send: Send, chunk: bytes, *, more: bool) -> None:
        """Raises `TimeoutError` where the client does not read: it would keep its place, whatever its credential."""
        async with asyncio.timeout(self._send_seconds):
            await send({"type": "http.response.body", "body": chunk, "more_body": more})

    async def _next(self, reader: _Reader) -> bytes | None:
        """The next chunk; every now and then, however busy it is, a sign of life, while the client may still listen."""
        try:
            return await asyncio.wait_for(reader.outgoing.get(), reader.check_at - asyncio.get_running_loop().time())
        except TimeoutError:
            reader.check_at = self._next_check()
            return b": here\n\n" if await asyncio.to_thread(self._may_go_on, reader) else None

    def _next_check(self) -> float:
        return asyncio.get_running_loop().time() + self._heartbeat_seconds

    def _may_go_on(self, reader: _Reader) -> bool:
        try:
            holder = holder_of(self._deps, reader.proof)
        except Unauthorized:
            return False
        except HubError as error:
            logger.warning("a client could not be checked again: %s", error.detail)
            return True
        if not isinstance(holder, Principal):
            return False
        reader.principal = holder
        return True

    async def _tell(self, reader: _Reader, event: RealtimeEvent, cursor: str) -> None:
        if realtime.addressee(event) not in (None, reader.principal.user_id):
            return
        try:
            payload = wire.payload(event)
        except (KeyError, TypeError, ValueError) as error:
            logger.error("dropped a realtime event", extra={"event": event.name, "why": type(error).__name__})
            return
        reader.put(_chunk(event.name, payload, cursor))


def _person(reader: _Reader) -> object:
    """Whose stream it is: a person's, whatever tokens they use, else that of whoever shows the same proof."""
    user_id = reader.principal.user_id
    return reader.proof if user_id is None else (reader.principal.tenant_id, user_id)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _cursor(scope: Scope, environ: Mapping[str, str]) -> str | None:
    """Browsers name the last event when they come back by themselves; `?cursor=` is for the first time."""
    [named] = parse_qs(scope["query_string"].decode("latin-1")).get("cursor", [""])[:1]
    return (environ.get("HTTP_LAST_EVENT_ID") or named)[:_MOST_IN_A_CURSOR] or None


def _chunk(name: str, payload: Mapping[str, Any], cursor: str) -> bytes:
    data = json.dumps(payload, ensure_ascii=False, separators=(",", ":"))
    return f"id: {cursor}\nevent: {name}\ndata: {data}\n\n".encode()


def _headers(origin: str | None, content_type: bytes) -> list[tuple[bytes, bytes]]:
    headers = [(b"content-type", content_type), (b"cache-control", b"no-store"), (b"x-accel-buffering", b"no")]
    if origin is None:
        return headers
    return [*headers, *_cors_headers(origin)]


def _cors_headers(origin: str) -> list[tuple[bytes, bytes]]:
    allowed = (b"access-control-allow-origin", origin.encode("latin-1"))
    return [allowed, (b"access-control-allow-credentials", b"true"), (b"vary", b"Origin")]


async def _refuse(send: Send, status: int, detail: str, origin: str | None) -> None:
    body = json.dumps({"detail": detail}).encode()
    await send({"type": "http.response.start", "status": status, "headers": _headers(origin, b"application/json")})
    await send({"type": "http.response.body", "body": body, "more_body": False})
