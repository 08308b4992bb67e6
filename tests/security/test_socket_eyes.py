"""Who sees over Socket.IO what would let them take an account over."""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta
from queue import Empty

import pytest

from infra.sockets.server import SocketServer
from shared.deps import Deps
from shared.domain.accounts import Role
from shared.domain.events import RealtimeEvent
from shared.domain.instances import PairingCode
from shared.ports.store import Merge, Ref
from shared.usecases import realtime
from tests.functions.keys import key_for
from tests.infra.clients import Client, stored_instance, token_for
from tests.infra.hosting import hosted

ADMINS = {Role.OWNER, Role.ADMIN}
CODE = {"qr": "2@abc", "expires_at": "2999-01-01T00:00:00+00:00"}


def _credential(deps: Deps, role: Role, kind: str) -> str:
    if kind == "token":
        return token_for(deps, "t1", role=role)
    return key_for(deps, "t1", role)["Authorization"].removeprefix("Bearer ")


def _deliver(sockets: SocketServer, name: str, **payload: str) -> None:
    sockets.deliver(RealtimeEvent(tenant_id="t1", room="i1", name=name, payload=payload))


def _names_until_connected(client: Client) -> list[str]:
    """The names of what the client is told, up to the event that everybody hears."""
    names: list[str] = []
    while not names or names[-1] != realtime.WHATSAPP_CONNECTED:
        names.append(client.next()[0])
    return names


@pytest.mark.parametrize("kind", ["token", "key"])
@pytest.mark.parametrize("role", list(Role))
def test_a_code_to_scan_is_for_admins(deps: Deps, role: Role, kind: str) -> None:
    stored_instance(deps)
    code = PairingCode(text="2@abc", expires_at=deps.now() + timedelta(minutes=1))
    deps.store.commit([Merge(Ref("instances", "i1"), {"status": "waiting_for_scan", "pairing": code.model_dump()})])
    sockets = SocketServer(deps)
    with hosted(sockets) as url, closing(Client("websocket")) as client:
        client.connect(url, auth={"token": _credential(deps, role, kind)})
        client.enter("i1")
        _deliver(sockets, realtime.WHATSAPP_QR, **CODE)
        _deliver(sockets, realtime.WHATSAPP_CONNECTED)
        names = _names_until_connected(client)
    # One for who comes, and one that is new.
    assert names.count(realtime.WHATSAPP_QR) == (2 if role in ADMINS else 0)


def test_who_is_an_admin_no_more_sees_no_more_codes(deps: Deps) -> None:
    stored_instance(deps)
    token = token_for(deps, "t1", role=Role.ADMIN)
    sockets = SocketServer(deps, recheck_seconds=0.02)
    with hosted(sockets) as url, closing(Client("websocket")) as client:
        client.connect(url, auth={"token": token})
        client.enter("i1")
        _deliver(sockets, realtime.WHATSAPP_QR, **CODE)
        assert client.next()[0] == realtime.WHATSAPP_QR
        deps.store.commit([Merge(Ref("users", "admin-t1"), {"role": "viewer"})])
        deps.cache.forget(("user", "t1", "admin-t1"))
        for _ in range(500):
            _deliver(sockets, realtime.WHATSAPP_QR, **CODE)
            try:
                client.came.get(timeout=0.05)
            except Empty:
                return
    raise AssertionError("codes still come")


def test_an_admin_of_another_tenant_sees_nothing(deps: Deps) -> None:
    stored_instance(deps)
    sockets = SocketServer(deps)
    with hosted(sockets) as url, closing(Client("websocket")) as client:
        client.connect(url, auth={"token": token_for(deps, "t2", role=Role.OWNER)})
        assert client.ask("join-channel", "i1")["ok"] is False
        _deliver(sockets, realtime.WHATSAPP_QR, **CODE)
        with pytest.raises(Empty):
            client.came.get(timeout=0.2)
