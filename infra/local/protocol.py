"""HTTP on a connection, with an end to how long a request may take to come, and to what comes besides it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from typing import ClassVar, Literal, TypeAlias

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

Due: TypeAlias = Literal["head", "body", "handshake"] | None
"""What the client has to bring, or the application to settle; None while it is us who are asked."""

MAX_HEAD = 64 * 1024
"""Bytes that may come without a head's end or a piece of a body among them: a head, trailers, the frames of chunks."""

_H2C = re.compile(rb"(?i)\r\nupgrade:[ \t]*h2c[ \t]*(?=\r\n)")

_LATE = b'{"detail":"the request\'s body did not come in time"}'
_TIMEOUT = (
    b"HTTP/1.1 408 Request Timeout\r\ncontent-type: application/json\r\n"
    b"content-length: %d\r\nconnection: close\r\n\r\n%b"
) % (len(_LATE), _LATE)


class GuardedHTTP(HttpToolsProtocol):
    """uvicorn's protocol, which of itself waits and collects for ever.

    Whatever the application does, within `seconds` a head has to come after the
    connection or its own first byte, a body after its head, and a websocket has
    to stand; what comes in one piece needs no timer. Trailers are read over: to
    the application they would look like headers that a proxy has let through.
    """

    seconds: ClassVar[Mapping[Due, float]] = {"head": 20.0, "body": 30.0, "handshake": 20.0}

    _due: Due = "head"
    _steps = 0
    _watched = -1
    _barren = 0
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        self._next(None)
        self._watch()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._due in ("head", None):
            data = _without_h2c(data)
        self._barren += len(data)
        super().data_received(data)
        if self._due is None and self._is_idle():
            # Blank lines between requests: uvicorn has just stopped counting how long the connection is idle.
            self._next("head")
        if self._steps != self._watched:
            self._watch()
        if self._barren > MAX_HEAD and not self.transport.is_closing():
            self.send_400_response("The request's head is too large.")

    def on_message_begin(self) -> None:
        self._next("head")
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._due == "head":
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._barren = 0
        self._next("body")
        # Who is to speak another protocol would take the body for its beginning, or wait for it.
        if self.parser.should_upgrade() and any(map(_announces_body, self.headers)):
            raise ValueError("an upgrade has no body")  # uvicorn answers 400
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._barren = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._barren = 0
        self._next(None)
        super().on_message_complete()

    def handle_websocket_upgrade(self) -> None:
        super().handle_websocket_upgrade()
        self._next("handshake")

    def _next(self, due: Due) -> None:
        self._due = due
        self._steps += 1

    def _is_idle(self) -> bool:
        answered = self.cycle is None or self.cycle.response_complete  # type: ignore[redundant-expr]  # None at first
        return self.timeout_keep_alive_task is None and answered

    def _watch(self) -> None:
        self._watched = self._steps
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._due is not None:
            self._timer = self.loop.call_later(self.seconds[self._due], self._give_up)

    def _give_up(self) -> None:
        if self._due == "handshake" and getattr(self.transport.get_protocol(), "handshake_complete", True):
            return
        if self.flow.read_paused:
            # It is us who do not read.
            self._watch()
            return
        if self._due == "body" and not (self.cycle.response_started or self.pipeline):
            self.transport.write(_TIMEOUT)
        self.transport.close()


def _without_h2c(data: bytes) -> bytes:
    """The same without a wish for HTTP/2: Java's client has one in every request, whose body the parser then drops."""
    if b"h2c" not in data:
        return data
    head, end, rest = data.partition(b"\r\n\r\n")
    return _H2C.sub(b"", head + b"\r\n").removesuffix(b"\r\n") + end + rest


def _announces_body(header: tuple[bytes, bytes]) -> bool:
    name, value = header
    return name == b"transfer-encoding" or (name == b"content-length" and value != b"0")
