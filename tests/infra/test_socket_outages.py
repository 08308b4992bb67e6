"""What clients of the sockets are told while the store does not answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

import pytest
import requests
from socketio.exceptions import ConnectionError as NotConnected

from infra.sockets.dashboards import UNAUTHORIZED
from infra.sockets.server import SocketServer
from infra.sockets.web import bound
from shared.cache import TTLCache
from shared.deps import Deps
from shared.domain.accounts import Role
from shared.domain.events import RealtimeEvent
from shared.errors import ConfigurationInvalid, StoreError
from shared.ports.store import Delete, Ref, Store
from tests.eventually import eventually
from tests.infra.clients import Client, stored_instance, token_for
from tests.infra.hosting import hosted
from tests.infra.test_dashboard_sockets import close_code, next_frame, opening, say


@dataclass
class FailingStore:
    """A store that fails at the calls, counted from now, that a test names; `failed` is how many did."""

    store: Store
    fails: Callable[[int], bool] = lambda number: False
    numbers: Iterator[int] = field(default_factory=count)
    failed: int = 0
    unreadable_id: str = ""

    def fail(self, fails: Callable[[int], bool]) -> None:
        self.fails, self.numbers, self.failed = fails, count(), 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)

    def get(self, refs: Any) -> Any:
        if self.fails(next(self.numbers)) or any(ref.id == self.unreadable_id for ref in refs):
            self.failed += 1
            raise StoreError("it is down")
        return self.store.get(refs)


@pytest.fixture
def store(deps: Deps) -> FailingStore:
    return FailingStore(deps.store)


@pytest.fixture
def url(deps: Deps, store: FailingStore) -> Iterator[str]:
    """A server that remembers nothing of what it has read, and checks its clients again and again."""
    hours = count(0, 3600)
    forgetful = replace(deps, store=store, cache=TTLCache(lambda: next(hours)))
    with hosted(SocketServer(forgetful, recheck_seconds=0.05)) as url:
        yield url


@pytest.fixture
def client(deps: Deps, url: str) -> Iterator[Client]:
    stored_instance(deps)
    with closing(Client("websocket")) as client:
        client.connect(url, auth={"token": token_for(deps, "t1")})
        yield client


def _always(number: int) -> bool:
    return True


def test_who_cannot_be_checked_is_told_to_come_again(deps: Deps, url: str, store: FailingStore) -> None:
    token = token_for(deps, "t1")
    store.fail(_always)
    with closing(Client("websocket")) as client:
        with pytest.raises(NotConnected):
            client.connect(url, auth={"token": token})
        assert client.refusals.get(timeout=10)["message"] == "unavailable: try again later"
    store.fail(lambda number: False)
    with closing(Client("websocket")) as client:
        client.connect(url, auth={"token": token})
        assert client.io.connected


def test_who_is_connected_stays_so_while_nobody_can_be_checked(client: Client, store: FailingStore) -> None:
    store.fail(_always)
    eventually(lambda: store.failed >= 3)
    assert client.ask("join-channel", "i1") == {"ok": False, "detail": "the store does not answer, try again"}
    store.fail(lambda number: False)
    assert client.ask("join-channel", "i1") == {"ok": True}


def test_whose_role_is_gone_is_disconnected_when_the_store_answers_again(
    client: Client, deps: Deps, store: FailingStore
) -> None:
    store.fail(_always)
    deps.store.commit([Delete(Ref("users", f"{Role.ADMIN.value}-t1"))])
    eventually(lambda: store.failed >= 3)
    assert client.io.connected
    store.fail(lambda number: False)
    eventually(lambda: not client.io.connected)


def test_who_cannot_be_checked_keeps_nobody_else_in(client: Client, deps: Deps, url: str, store: FailingStore) -> None:
    with closing(Client("websocket")) as other:
        other.connect(url, auth={"token": token_for(deps, "t1", role=Role.AGENT)})
        store.unreadable_id = f"{Role.AGENT.value}-t1"
        deps.store.commit([Delete(Ref("users", f"{Role.ADMIN.value}-t1"))])
        eventually(lambda: not client.io.connected)
        assert other.io.connected


def test_who_may_join_joins_even_if_nobody_can_tell_them_how_the_channel_stands(
    deps: Deps, store: FailingStore
) -> None:
    sockets = SocketServer(replace(deps, store=store))
    stored_instance(deps)
    with hosted(sockets) as url, closing(Client("websocket")) as client:
        client.connect(url, auth={"token": token_for(deps, "t1")})
        store.fail(lambda number: number == 1)
        assert client.ask("join-channel", "i1") == {"ok": True}
        assert store.failed == 1
        sockets.deliver(
            RealtimeEvent(tenant_id="t1", room="i1", name="channel-status", payload={"status": "connected"})
        )
        assert client.came.get(timeout=10)[0] == "channel-status"


def test_a_channel_that_goes_while_somebody_joins_tells_them_nothing(deps: Deps, store: FailingStore) -> None:
    stored_instance(deps)

    def vanish(number: int) -> bool:
        if number == 1:
            deps.store.commit([Delete(Ref("instances", "i1"))])
        return False

    with hosted(SocketServer(replace(deps, store=store))) as url, closing(Client("websocket")) as client:
        client.connect(url, auth={"token": token_for(deps, "t1")})
        store.fail(vanish)
        assert client.ask("join-channel", "i1") == {"ok": True}
        assert client.ask("join-channel", "i1") == {"ok": False, "detail": "there is no such channel"}
        assert client.came.empty()


def test_a_port_that_somebody_listens_on_is_a_configuration_error(deps: Deps) -> None:
    any_port = deps.settings.model_copy(update={"host": "127.0.0.1", "port": 0})
    with closing(bound(any_port)) as listener:
        listener.listen()
        port = listener.getsockname()[1]
        with pytest.raises(ConfigurationInvalid, match=f"HOST, PORT: cannot listen on 127.0.0.1 port {port}: "):
            bound(any_port.model_copy(update={"port": port}))


def _authorized(deps: Deps) -> dict[str, str]:
    return {"Authorization": f"Bearer {token_for(deps, 't1')}"}


def test_a_dashboard_stays_while_nobody_can_be_checked_and_is_told_afterwards(
    deps: Deps, url: str, store: FailingStore
) -> None:
    stored_instance(deps)
    with opening(url, additional_headers=_authorized(deps)) as page:
        assert [next_frame(page)["type"] for _ in range(2)] == ["performance_update", "analytics_update"]
        store.fail(_always)
        eventually(lambda: store.failed >= 3)
        say(page, {"type": "ping"})
        assert next_frame(page)["type"] == "heartbeat"
        deps.store.commit([Delete(Ref("users", f"{Role.ADMIN.value}-t1"))])
        store.fail(lambda number: False)
        assert close_code(page) == UNAUTHORIZED


def test_a_dashboard_is_let_in_by_nobody_who_cannot_be_checked(deps: Deps, url: str, store: FailingStore) -> None:
    headers, token = _authorized(deps), token_for(deps, "t1")
    store.fail(_always)
    with opening(url, additional_headers=headers) as page:
        assert close_code(page) == UNAUTHORIZED
    store.fail(lambda number: False)
    with opening(url) as page:
        say(page, {"type": "auth", "token": token})
        say(page, {"type": "ping"})
        while next_frame(page)["type"] != "heartbeat":
            continue
        say(page, {"type": "auth", "token": "another"})
        assert close_code(page) == UNAUTHORIZED


def test_an_event_that_cannot_be_told_keeps_no_later_one_from_a_dashboard(
    deps: Deps, store: FailingStore, caplog: pytest.LogCaptureFixture
) -> None:
    stored_instance(deps)
    hours = count(0, 3600)
    sockets = SocketServer(replace(deps, store=store, cache=TTLCache(lambda: next(hours))))
    status = RealtimeEvent(tenant_id="t1", room="i1", name="channel-status", payload={"status": "connected"})
    with hosted(sockets) as url, opening(url, additional_headers=_authorized(deps)) as page:
        say(page, {"type": "ping"})
        assert next_frame(page)["type"] == "heartbeat"
        store.fail(_always)
        sockets.deliver(status)
        store.fail(lambda number: False)
        for odd in ({"status": "no status"}, {}):
            sockets.deliver(status.model_copy(update={"payload": odd}))
        sockets.deliver(status.model_copy(update={"tenant_id": "t2"}))
        sockets.deliver(status)
        assert next_frame(page)["payload"]["status"] == "connected"
        say(page, {"type": "ping"})
        assert next_frame(page)["type"] == "heartbeat", "nothing else came"
    assert caplog.messages.count("a dashboard was not told of an event") == 3


def test_a_stream_whose_client_cannot_be_checked_does_not_begin(deps: Deps, url: str, store: FailingStore) -> None:
    headers = _authorized(deps)
    store.fail(_always)
    answer = requests.get(f"{url}/api/events/stream", headers=headers, timeout=10)
    assert (answer.status_code, answer.json()["detail"]) == (503, "the store does not answer, try again")


def test_who_cannot_be_told_what_they_missed_is_asked_to_come_again(
    client: Client, deps: Deps, store: FailingStore
) -> None:
    assert client.ask("join-tenant", {"since": None})["ok"] is True
    store.fail(_always)
    again = {"ok": False, "detail": "the store does not answer, try again"}
    assert client.ask("join-tenant", {"since": None}) == again
    store.fail(lambda number: False)
    assert client.ask("join-tenant", {"since": None})["ok"] is True
