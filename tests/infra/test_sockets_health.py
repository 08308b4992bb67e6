"""What the always-on container answers beside Socket.IO."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, MutableMapping
from dataclasses import dataclass, replace
from typing import Any, cast

import pytest

from infra.sockets.health import Health
from shared.deps import Deps
from shared.domain.ids import new_id
from shared.errors import StoreError
from shared.http.health import LIVE, READY
from shared.ports.bus import Bus
from shared.ports.store import Document, Ref, Store

HEADERS = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]


@dataclass
class Receiver:
    """A bus, or a feed, of which nobody asks more than whether events still come in."""

    alive: bool = True

    def close(self) -> None:
        pass


class BrokenStore:
    def get(self, refs: Iterator[Ref]) -> dict[Ref, Document]:
        raise StoreError("the disk is gone")


@pytest.fixture
def receiving(deps: Deps) -> Health:
    """Of a container that does its work."""
    health = Health(replace(deps, bus=cast("Bus", Receiver()), owner=new_id()))
    health.feed = Receiver()
    return health


def _sent(health: Health, type_: str, path: str) -> list[MutableMapping[str, Any]]:
    sent: list[MutableMapping[str, Any]] = []

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    asyncio.run(health({"type": type_, "path": path}, None, send))
    return sent


def _status(health: Health, path: str) -> int:
    start, body = _sent(health, "http", path)
    assert (start["type"], start["headers"], body["type"]) == ("http.response.start", HEADERS, "http.response.body")
    if start["status"] != 404:
        assert json.loads(body["body"]) == {"status": "healthy" if start["status"] == 200 else "unhealthy"}
    return int(start["status"])


def _statuses(health: Health) -> tuple[int, int]:
    """Whether it is alive, and whether it is ready."""
    return _status(health, LIVE), _status(health, READY)


@pytest.mark.parametrize("path", ["/health", "/elsewhere"])
def test_a_websocket_that_is_not_socket_io_is_closed_and_told_nothing_more(deps: Deps, path: str) -> None:
    assert _sent(Health(deps), "websocket", path) == [{"type": "websocket.close", "code": 1000}]


def test_who_receives_events_is_alive_and_ready(receiving: Health) -> None:
    assert _statuses(receiving) == (200, 200)


def test_every_other_path_is_not_here(receiving: Health) -> None:
    assert _status(receiving, "/elsewhere") == 404


@pytest.mark.parametrize(("feed_alive", "bus_alive"), [(False, True), (True, False), (False, False)])
def test_who_lost_the_feed_or_what_it_consumes_has_to_be_replaced(
    receiving: Health, deps: Deps, feed_alive: bool, bus_alive: bool
) -> None:
    deaf = Health(replace(deps, bus=cast("Bus", Receiver(bus_alive))))
    deaf.feed = Receiver(feed_alive)
    assert _statuses(deaf) == (503, 503)
    deaf.draining = True
    assert _statuses(deaf) == (200, 503), "what stops by itself is not killed"


def test_before_the_feed_is_there_it_is_alive_and_not_ready(receiving: Health) -> None:
    receiving.feed = None
    assert _statuses(receiving) == (200, 503)


def test_who_is_stopping_gets_no_more_clients(receiving: Health) -> None:
    receiving.draining = True
    assert _statuses(receiving) == (200, 503)


def test_without_the_store_it_is_alive_and_not_ready(deps: Deps) -> None:
    health = Health(replace(deps, bus=cast("Bus", Receiver()), store=cast("Store", BrokenStore()), owner=new_id()))
    health.feed = Receiver()
    assert _statuses(health) == (200, 503)
