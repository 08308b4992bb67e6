"""Reading request bodies, with a limit for each and one for the memory of all that are in progress."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeAlias

from infra.local.server.asgi import Receive, Scope

BodyLimit: TypeAlias = Callable[[str, str], int]
"""The most bytes that a method and a path accept."""

UNCOUNTED_BYTES = 64 * 1024
"""Bytes of each body that the common limit does not count, so that large bodies cannot keep webhooks out."""

MAX_TOTAL_BYTES = 96 * 1024 * 1024
"""Bytes that all bodies in progress may have beyond that; while one is put together it takes twice its length."""


class BodyMemoryExhausted(Exception):
    """The bodies in progress use all memory that they may; the client should try again."""


@dataclass(frozen=True, slots=True)
class Body:
    """A request's body; one that is too long has no content, and `length` is how long it is at least."""

    content: bytes
    length: int


@dataclass(slots=True)
class _Reservation:
    size: int = 0


class RequestBodies:
    """Reads bodies of up to `most` bytes; for longer ones `larger` says what their method and path accept."""

    def __init__(self, most: int, larger: BodyLimit | None = None, total: int = MAX_TOTAL_BYTES) -> None:
        self._most = most
        self._larger = larger
        self._available = total

    @asynccontextmanager
    async def read(self, scope: Scope, receive: Receive) -> AsyncIterator[Body | None]:
        """The body, or None when the client disconnected; its memory is reserved until the context ends.

        Raises `BodyMemoryExhausted`.
        """
        reservation = _Reservation()
        try:
            yield await self._read(scope, receive, reservation)
        finally:
            self._available += reservation.size

    async def _read(self, scope: Scope, receive: Receive, reservation: _Reservation) -> Body | None:
        message = await receive()
        announced = _content_length(scope) if message.get("more_body") else len(message.get("body", b""))
        limit = self._limit(scope, announced)
        if announced is not None and announced > limit:
            return Body(b"", announced)
        body = bytearray()
        while message["type"] != "http.disconnect":
            body += message.get("body", b"")
            if len(body) > limit:
                return Body(b"", len(body))
            self._reserve(reservation, len(body) - UNCOUNTED_BYTES)
            if not message.get("more_body"):
                return Body(bytes(body), len(body))
            message = await receive()
        return None

    def _limit(self, scope: Scope, announced: int | None) -> int:
        if self._larger is None or (announced is not None and announced <= self._most):
            return self._most
        return self._larger(scope["method"], scope["path"])

    def _reserve(self, reservation: _Reservation, size: int) -> None:
        growth = size - reservation.size
        if growth > self._available:
            raise BodyMemoryExhausted
        if growth > 0:
            self._available -= growth
            reservation.size = size


def _content_length(scope: Scope) -> int | None:
    """The value of `Content-Length`, which the server has checked to be a number; None for a chunked body."""
    return next((int(value) for name, value in scope["headers"] if name == b"content-length"), None)
