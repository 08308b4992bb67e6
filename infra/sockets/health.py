"""The platform's health checks of the container over HTTP; every other path is 404."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias

from shared.deps import Deps
from shared.http.errors import Failure
from shared.http.health import LIVE, READY
from shared.ports.bus import Feed
from shared.usecases.reporting import health

Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class Health:
    """An ASGI application: alive while events can come in, ready while the store answers too.

    A stream of events that was lost does not come back; a new process opens a new one.
    """

    def __init__(self, deps: Deps) -> None:
        self._deps = deps
        self.feed: Feed | None = None
        self.draining = False

    async def __call__(self, scope: MutableMapping[str, Any], receive: object, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1000})
            return
        status, body = await self._answer(scope["path"])
        headers = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": json.dumps(body).encode()})

    async def _answer(self, path: str) -> tuple[int, dict[str, str]]:
        if path == LIVE:
            return (503, {"status": "unhealthy"}) if self._is_deaf() else (200, {"status": "healthy"})
        if path != READY:
            return 404, Failure.of("Resource not found", "not_found").model_dump(exclude_none=True)
        if self.draining or self.feed is None or self._is_deaf():
            return 503, {"status": "unhealthy"}
        healthy = (await asyncio.to_thread(health.check, self._deps)).store_up
        return (200, {"status": "healthy"}) if healthy else (503, {"status": "unhealthy"})

    def _is_deaf(self) -> bool:
        if self.feed is None or self.draining:
            return False
        return not (self.feed.alive and self._deps.bus.alive)
