"""A client that has disconnected is counted in no room, whenever it left."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

import pytest

from infra.sockets.server import SocketServer
from shared.deps import Deps
from shared.domain.events import RealtimeEvent
from tests.eventually import eventually
from tests.infra.clients import Connect, Polling, stored_instance, token_for
from tests.infra.hosting import hosted
from tests.overlaps import overlaps

IsEmpty: TypeAlias = Callable[[], bool]


@pytest.fixture
def sockets(deps: Deps) -> SocketServer:
    stored_instance(deps)
    return SocketServer(deps, recheck_seconds=0.02)


@pytest.fixture
def server(sockets: SocketServer) -> Iterator[str]:
    with hosted(sockets) as url:
        yield url


@pytest.fixture
def is_empty(sockets: SocketServer, caplog: pytest.LogCaptureFixture) -> IsEmpty:
    """Whether nobody is counted in the room of i1: an event that has no form is complained of only before hearers."""

    def look() -> bool:
        caplog.clear()
        sockets.deliver(RealtimeEvent(tenant_id="t1", room="i1", name="no-such-event", payload={}))
        return "dropped a realtime event" not in caplog.text

    return look


@pytest.mark.parametrize("packet", ["1", "41"])
def test_a_client_that_leaves_is_counted_no_more(deps: Deps, server: str, is_empty: IsEmpty, packet: str) -> None:
    client = Polling(server)
    client.connects(token_for(deps, "t1"))
    assert is_empty()
    client.joins("i1")
    assert not is_empty()
    client.leaves(packet)
    assert is_empty()


@pytest.mark.parametrize("packet", ["1", "41"])
def test_a_client_that_leaves_while_it_is_let_into_a_room_is_not_counted_there(
    deps: Deps, server: str, is_empty: IsEmpty, packet: str
) -> None:
    client = Polling(server)
    client.connects(token_for(deps, "t1"))
    overlaps(deps).store.after_read("instances", lambda: client.leaves(packet))
    client.joins("i1")
    assert overlaps(deps).all_happened
    assert is_empty()


def test_a_client_whose_token_runs_out_while_it_is_let_into_a_room_is_not_counted_there(
    deps: Deps, server: str, is_empty: IsEmpty
) -> None:
    client = Polling(server)
    client.connects(token_for(deps, "t1", seconds=600))

    def the_token_runs_out() -> None:
        overlaps(deps).clock.advance(seconds=700)
        client.is_dropped()

    overlaps(deps).store.after_read("instances", the_token_runs_out)
    client.joins("i1")
    assert overlaps(deps).all_happened
    assert is_empty()


def test_a_room_is_counted_empty_when_the_last_one_leaves_it(deps: Deps, client: Connect, is_empty: IsEmpty) -> None:
    first, second = client(token_for(deps, "t1")), client(token_for(deps, "t1"))
    for _ in range(2):
        first.enter("i1")
    second.enter("i1")
    assert first.ask("leave-channel", "i1") == {"ok": True}
    assert first.ask("leave-channel", "i1") == {"ok": True}
    assert not is_empty()
    second.io.disconnect()
    assert eventually(is_empty)
