"""Nobody can hold so many Socket.IO connections that others get none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import replace

import pytest
import requests
from socketio.exceptions import ConnectionError as NotConnected

from infra.sockets.admission import ConnectionLimits
from infra.sockets.server import SocketServer
from shared.deps import Deps
from shared.domain.accounts import Role
from tests.eventually import eventually
from tests.functions.widget.conftest import begin, make_widget
from tests.infra.clients import Client, token_for
from tests.infra.hosting import hosted
from tests.pipeline.hub import Hub

Connect = Callable[..., Client]


@pytest.fixture(params=["polling", "websocket"])
def connect(request: pytest.FixtureRequest) -> Iterator[Connect]:
    """Makes connected clients; `connect(url, token, headers)`."""
    with ExitStack() as stack:

        def client(url: str, token: str, **headers: str) -> Client:
            connection = stack.enter_context(closing(Client(request.param)))
            connection.connect(url, auth={"token": token}, headers=headers)
            return connection

        yield client


def test_one_credential_has_only_so_many_connections(deps: Deps, connect: Connect) -> None:
    ann, bob = token_for(deps, "t1"), token_for(deps, "t2")
    with hosted(SocketServer(deps, limits=ConnectionLimits(of_credential=2))) as url:
        first, _ = connect(url, ann), connect(url, ann)
        with pytest.raises(NotConnected):
            connect(url, ann)
        assert connect(url, bob).io.connected
        first.io.disconnect()
        eventually(lambda: _is_let_in(connect, url, ann))


def test_one_tenant_leaves_connections_to_others(deps: Deps, connect: Connect) -> None:
    with hosted(SocketServer(deps, limits=ConnectionLimits(of_tenant=2))) as url:
        roles = [Role.OWNER, Role.ADMIN, Role.AGENT]
        first, _ = [connect(url, token_for(deps, "t1", role=role)) for role in roles[:2]]
        with pytest.raises(NotConnected):
            connect(url, token_for(deps, "t1", role=roles[2]))
        assert connect(url, token_for(deps, "t2")).io.connected
        first.io.disconnect()
        eventually(lambda: _is_let_in(connect, url, token_for(deps, "t1", role=roles[2])))


def _is_let_in(connect: Connect, url: str, token: str) -> bool:
    try:
        return bool(connect(url, token).io.connected)
    except NotConnected:
        return False


def _open(url: str, **headers: str) -> int:
    """Begin a connection and never show a credential."""
    answer = requests.get(f"{url}/socket.io/?EIO=4&transport=polling", headers=headers, timeout=10)
    return answer.status_code


def test_one_address_has_only_so_many_connections_whether_or_not_they_show_a_credential(
    deps: Deps, connect: Connect
) -> None:
    proxied = replace(deps, settings=deps.settings.model_copy(update={"trusted_proxies": 1}))
    with hosted(SocketServer(proxied, limits=ConnectionLimits(of_address=3))) as url:
        first = {"X-Forwarded-For": "6.6.6.6, 9.9.9.9"}
        assert [_open(url, **first) for _ in range(5)] == [200] * 3 + [401] * 2
        invented = {"X-Forwarded-For": "7.7.7.7, 9.9.9.9"}
        assert _open(url, **invented) == 401, "what the client says of itself makes no other address"
        with pytest.raises(NotConnected):
            connect(url, token_for(deps, "t1"), **first)
        assert connect(url, token_for(deps, "t1"), **{"X-Forwarded-For": "8.8.8.8"}).io.connected


def test_a_network_of_one_ipv6_client_is_one_address(deps: Deps) -> None:
    proxied = replace(deps, settings=deps.settings.model_copy(update={"trusted_proxies": 1}))
    with hosted(SocketServer(proxied, limits=ConnectionLimits(of_address=2))) as url:
        statuses = [_open(url, **{"X-Forwarded-For": f"2001:db8::{number}"}) for number in range(1, 5)]
        assert statuses == [200, 200, 401, 401]


def test_a_process_takes_only_so_many_connections_and_new_ones_when_others_have_gone(
    deps: Deps, connect: Connect
) -> None:
    limits = ConnectionLimits(of_process=3)
    with hosted(SocketServer(deps, limits=limits)) as url:
        clients = [connect(url, token_for(deps, f"t{number}")) for number in range(3)]
        with pytest.raises(NotConnected):
            connect(url, token_for(deps, "t4"))
        clients[0].io.disconnect()
        eventually(lambda: _is_let_in(connect, url, token_for(deps, "t4")))


def test_addresses_of_closed_connections_are_not_kept(deps: Deps) -> None:
    sockets = SocketServer(deps, recheck_seconds=0.05, handshake_seconds=0.1)
    with hosted(sockets) as url:
        assert _open(url) == 200
        eventually(lambda: not sockets._admission._by_address)


def test_visitors_of_a_widget_take_no_connection_from_the_business_itself(hub: Hub, connect: Connect) -> None:
    widget = make_widget(hub)
    tokens = [str(begin(hub, widget).session["token"]) for _ in range(3)]
    own_token = token_for(hub.deps, hub.tenant_id)
    limits = ConnectionLimits(of_tenant=1, of_visitors=2)
    with hosted(SocketServer(hub.deps, limits=limits)) as url:
        first, _ = connect(url, tokens[0]), connect(url, tokens[1])
        with pytest.raises(NotConnected):
            connect(url, tokens[2])
        assert connect(url, own_token).io.connected
        first.io.disconnect()
        eventually(lambda: _is_let_in(connect, url, tokens[2]))
