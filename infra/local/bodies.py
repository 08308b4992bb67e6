"""Reading the bodies of requests: a limit for each, and one for what all that are under way hold."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeAlias

from infra.local.asgi import Receive, Scope

Limit: TypeAlias = Callable[[str, str], int]

UNCOUNTED = 64 * 1024
"""Bytes of each body that may always come, so that those who send large ones do not keep webhooks from being taken."""

TOGETHER = 256 * 1024 * 1024
"""Bytes that all bodies under way may have beyond that."""


class NoRoom(Exception):
    """The bodies under way hold too much to take one more."""


@dataclass(frozen=True, slots=True)
class Body:
    """A body; one that is too long has no content, and `length` is what is known of it."""

    content: bytes
    length: int


@dataclass(slots=True)
class _Held:
    size: int = 0


class Bodies:
    """Collects bodies of up to `most` bytes; where one is longer, `larger` says what its method and path allow."""

    def __init__(self, most: int, larger: Limit | None = None, together: int = TOGETHER) -> None:
        self._most = most
        self._larger = larger
        self._room = together

    @asynccontextmanager
    async def collected(self, scope: Scope, receive: Receive) -> AsyncIterator[Body | None]:
        """The body, or None when the client went away; it counts until it is let go. Raises `NoRoom`."""
        held = _Held()
        try:
            yield await self._collect(scope, receive, held)
        finally:
            self._room += held.size

    async def _collect(self, scope: Scope, receive: Receive, held: _Held) -> Body | None:
        message = await receive()
        announced = _announced(scope) if message.get("more_body") else len(message.get("body", b""))
        limit = self._limit(scope, announced)
        if announced is not None and announced > limit:
            return Body(b"", announced)
        body = bytearray()
        while message["type"] != "http.disconnect":
            body += message.get("body", b"")
            if len(body) > limit:
                return Body(b"", len(body))
            self._hold(held, len(body) - UNCOUNTED)
            if not message.get("more_body"):
                return Body(bytes(body), len(body))
            message = await receive()
        return None

    def _limit(self, scope: Scope, announced: int | None) -> int:
        if self._larger is None or (announced is not None and announced <= self._most):
            return self._most
        return self._larger(scope["method"], scope["path"])

    def _hold(self, held: _Held, size: int) -> None:
        growth = size - held.size
        if growth > self._room:
            raise NoRoom
        if growth > 0:
            self._room -= growth
            held.size = size


def _announced(scope: Scope) -> int | None:
    """What `Content-Length` says, which the server has seen to be a number; None of a body in chunks."""
    return next((int(value) for name, value in scope["headers"] if name == b"content-length"), None)
