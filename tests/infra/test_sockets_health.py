"""What the always-on container answers beside Socket.IO."""

from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from typing import Any

import pytest

from infra.sockets.health import Health
from shared.deps import Deps


def _answer(deps: Deps, type_: str, path: str) -> list[MutableMapping[str, Any]]:
    """What is sent to a client that asks before any event can come in."""
    sent: list[MutableMapping[str, Any]] = []

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    asyncio.run(Health(deps)({"type": type_, "path": path}, None, send))
    return sent


@pytest.mark.parametrize("path", ["/health", "/elsewhere"])
def test_a_websocket_that_is_not_socket_io_is_closed_and_told_nothing_more(deps: Deps, path: str) -> None:
    assert _answer(deps, "websocket", path) == [{"type": "websocket.close", "code": 1000}]
