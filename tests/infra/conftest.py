"""Fixtures for tests of the running hub."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from infra.sockets.server import SocketServer
from shared.deps import Deps
from shared.domain.events import Topic
from tests.infra.clients import Client, Connect, stored_instance, token_for
from tests.infra.hosting import hosted
from tests.infra.process import ColdProcess, Process, Start


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts hubs in directories of the test's own, and ends those that are left."""
    with ExitStack() as stack:

        def started(directory: str = "hub", cold: bool = False, **variables: str) -> Process:
            form = ColdProcess if cold else Process
            return stack.enter_context(closing(form(tmp_path / directory, **variables)))

        yield started


@pytest.fixture
def server(deps: Deps) -> Iterator[str]:
    """The address of a server that the bus feeds."""
    sockets = SocketServer(deps)
    with hosted(sockets) as url:
        stop = deps.bus.consume({Topic.REALTIME: sockets.deliver})  # type: ignore[dict-item]  # the topic's kind
        yield url
        stop()


@pytest.fixture(params=["polling", "websocket"])
def transport(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def client(server: str, transport: str) -> Iterator[Connect]:
    """Makes connected clients of the server."""
    with ExitStack() as stack:

        def connected(token: str | None = None, **options: Any) -> Client:
            connection = stack.enter_context(closing(Client(transport)))
            connection.connect(server, auth={"token": token} if token else None, **options)
            return connection

        yield connected


@pytest.fixture
def joined(deps: Deps, client: Connect) -> Client:
    """A client of tenant t1 in the room of its instance i1."""
    stored_instance(deps)
    connection = client(token_for(deps, "t1"))
    connection.enter("i1")
    return connection
