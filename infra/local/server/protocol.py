"""uvicorn's HTTP protocol with time limits for receiving a request, and a size limit for all but its body."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from typing import ClassVar, Literal, TypeAlias

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from shared.http.errors import Failure

Due: TypeAlias = Literal["head", "body", "handshake"] | None
"""What has to arrive within its time limit; None while the hub works on a request."""

MAX_HEAD = 64 * 1024
"""Bytes that may come without completing a head or carrying a body: a head, trailers, chunk sizes."""

_H2C = re.compile(rb"(?i)\r\nupgrade:[ \t]*h2c[ \t]*(?=\r\n)")

_TIMEOUT_BODY = Failure.of("the request's body did not come in time", "request_timeout").to_json().encode()
_TIMEOUT = (
    b"HTTP/1.1 408 Request Timeout\r\ncontent-type: application/json\r\n"
    b"x-content-type-options: nosniff\r\ncontent-length: %d\r\nconnection: close\r\n\r\n%b"
) % (len(_TIMEOUT_BODY), _TIMEOUT_BODY)


class GuardedHTTP(HttpToolsProtocol):
    """uvicorn's protocol, which by itself waits and buffers without limit.

    Whatever the application does, within `seconds` a head has to arrive after the
    connection or after its own first byte, a body after its head, and a
    websocket's handshake has to end; a request that arrives at once needs no
    timer. Trailers are ignored: the application would take them for headers that
    a proxy has checked.
    """

    seconds: ClassVar[Mapping[Due, float]] = {"head": 20.0, "body": 30.0, "handshake": 20.0}

    _due: Due = "head"
    _due_changes = 0
    _timed_change = -1
    _bytes_without_progress = 0
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self._restart_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        self._set_due(None)
        self._restart_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._due in ("head", None):
            data = _without_h2c(data)
        self._bytes_without_progress += len(data)
        super().data_received(data)
        if self._due is None and self._is_idle():
            # Blank lines between requests: uvicorn has just cancelled its keep-alive timer.
            self._set_due("head")
        if self._due_changes != self._timed_change:
            self._restart_timer()
        if self._bytes_without_progress > MAX_HEAD and not self.transport.is_closing():
            self.send_400_response("The request's head is too large.")

    def on_message_begin(self) -> None:
        self._set_due("head")
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._due == "head":
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._bytes_without_progress = 0
        self._set_due("body")
        # The next protocol would read the body as its own first bytes, or wait for it.
        if self.parser.should_upgrade() and any(map(_implies_body, self.headers)):
            raise ValueError("an upgrade has no body")  # uvicorn answers 400
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._bytes_without_progress = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._bytes_without_progress = 0
        self._set_due(None)
        super().on_message_complete()

    def handle_websocket_upgrade(self) -> None:
        super().handle_websocket_upgrade()
        self._set_due("handshake")

    def _set_due(self, due: Due) -> None:
        self._due = due
        self._due_changes += 1

    def _is_idle(self) -> bool:
        answered = self.cycle is None or self.cycle.response_complete  # type: ignore[redundant-expr]  # None at first
        return self.timeout_keep_alive_task is None and answered

    def _restart_timer(self) -> None:
        self._timed_change = self._due_changes
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._due is not None:
            self._timer = self.loop.call_later(self.seconds[self._due], self._on_timeout)

    def _on_timeout(self) -> None:
        if self._due == "handshake" and getattr(self.transport.get_protocol(), "handshake_complete", True):
            return
        if self.flow.read_paused:
            # The hub has stopped reading; the client is not late.
            self._restart_timer()
            return
        if self._due == "body" and not (self.cycle.response_started or self.pipeline):
            self.transport.write(_TIMEOUT)
        self.transport.close()


def _without_h2c(data: bytes) -> bytes:
    """The data without `Upgrade: h2c`, which Java's client sends with every request: the parser would drop the body."""
    if b"h2c" not in data:
        return data
    head, end, rest = data.partition(b"\r\n\r\n")
    return _H2C.sub(b"", head + b"\r\n").removesuffix(b"\r\n") + end + rest


def _implies_body(header: tuple[bytes, bytes]) -> bool:
    name, value = header
    return name == b"transfer-encoding" or (name == b"content-length" and value != b"0")
