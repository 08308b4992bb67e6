"""Which clients may connect, which rooms they may enter, and when they are disconnected."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from queue import Empty, Queue

import pytest
from pydantic import SecretStr
from socketio.exceptions import ConnectionError as NotConnected

from infra.sockets.engine import MAX_FRAME
from infra.sockets.server import MAX_ROOMS, SocketServer
from shared.deps import Deps
from shared.domain.accounts import ApiKey
from shared.ports.store import Create, Ref
from shared.security.tokens import fingerprint
from shared.usecases import realtime
from tests.documents import MOMENT
from tests.infra.clients import Client, Connect, stored_instance, token_for
from tests.infra.hosting import hosted


def test_a_token_in_auth_or_in_a_header_lets_a_client_in(deps: Deps, client: Connect) -> None:
    token = token_for(deps, "t1")
    assert client(token).io.connected
    assert client(f"Bearer {token}").io.connected
    assert client(headers={"Authorization": f"Bearer {token}"}).io.connected


def test_an_api_key_lets_a_client_in(deps: Deps, client: Connect) -> None:
    key = ApiKey(id=fingerprint("key-of-t1"), tenant_id="t1", name="k", prefix="key", created_at=MOMENT)
    deps.store.commit([Create(Ref("api_keys", key.id), key.model_dump())])
    stored_instance(deps)
    for connection in (client("key-of-t1"), client(headers={"x-api-key": "key-of-t1"})):
        assert connection.ask("join-channel", "i1") == {"ok": True}


@pytest.mark.parametrize("auth", [None, {}, {"token": ""}, {"token": 7}, {"token": "wrong"}, {"token": "a.b.c"}, ["x"]])
def test_without_a_valid_credential_the_connection_is_refused_with_the_reason(
    deps: Deps, transport: str, auth: object
) -> None:
    closed = replace(deps, settings=deps.settings.model_copy(update={"api_key": SecretStr("k" * 32)}))
    with hosted(SocketServer(closed)) as url, closing(Client(transport)) as client:
        with pytest.raises(NotConnected):
            client.connect(url, auth=auth)
        assert client.refusals.get(timeout=10)["message"].startswith("unauthorized: ")


def test_a_key_that_may_only_write_sees_nothing(deps: Deps, server: str, transport: str) -> None:
    key = ApiKey(id=fingerprint("writer"), tenant_id="t1", name="k", prefix="wri", scopes=["write"], created_at=MOMENT)
    deps.store.commit([Create(Ref("api_keys", key.id), key.model_dump())])
    with closing(Client(transport)) as client:
        with pytest.raises(NotConnected):
            client.connect(server, auth={"token": "writer"})
        assert "may not read" in client.refusals.get(timeout=10)["message"]


def test_an_expired_token_is_refused(deps: Deps, server: str, transport: str) -> None:
    with closing(Client(transport)) as client:
        with pytest.raises(NotConnected):
            client.connect(server, auth={"token": token_for(deps, "t1", seconds=-1)})
        assert client.refusals.get(timeout=10)["message"].startswith("unauthorized: ")


def test_a_client_joins_its_own_tenants_channels_under_either_name(deps: Deps, client: Connect) -> None:
    stored_instance(deps)
    connection = client(token_for(deps, "t1"))
    for event in ("join-channel", "joinChannel", "leave-channel", "leaveChannel"):
        assert connection.ask(event, "i1") == {"ok": True}
        assert connection.ask(event, {"channelInstanceId": "i1"}) == {"ok": True}


def test_a_foreign_channel_looks_like_one_that_does_not_exist(deps: Deps, client: Connect) -> None:
    stored_instance(deps, "theirs", tenant_id="t2")
    connection = client(token_for(deps, "t1"))
    refusal = {"ok": False, "detail": "there is no such channel"}
    assert connection.ask("join-channel", "theirs") == refusal
    assert connection.ask("join-channel", "nobodys") == refusal
    realtime.emit(deps, "t2", "theirs", "whatsapp-connected", {})
    realtime.emit(deps, "t1", "theirs", "whatsapp-connected", {})
    with pytest.raises(Empty):
        connection.came.get(timeout=0.2)


@pytest.mark.parametrize("argument", [None, "", 7, [], {}, {"channelInstanceId": None}, "../x", "a/b", "x" * 200])
def test_what_is_no_channel_id_is_refused_and_the_client_stays(deps: Deps, client: Connect, argument: object) -> None:
    stored_instance(deps)
    connection = client(token_for(deps, "t1"))
    for event in ("join-channel", "leave-channel"):
        assert connection.ask(event, argument) == {"ok": False, "detail": "give the channel's id"}
    assert connection.ask("join-channel") == {"ok": False, "detail": "give the channel's id"}
    assert connection.ask("join-channel", "i1") == {"ok": True}


def test_a_client_can_be_in_so_many_rooms_and_no_more(deps: Deps, client: Connect) -> None:
    for number in range(MAX_ROOMS + 1):
        stored_instance(deps, f"i{number}")
    connection = client(token_for(deps, "t1"))
    answers = [connection.ask("join-channel", f"i{number}") for number in range(MAX_ROOMS + 1)]
    assert answers[:-1] == [{"ok": True}] * MAX_ROOMS
    assert answers[-1] == {"ok": False, "detail": f"a client can be in at most {MAX_ROOMS} channels"}
    assert connection.ask("leave-channel", "i0") == {"ok": True}
    assert connection.ask("join-channel", f"i{MAX_ROOMS}") == {"ok": True}


def test_joining_many_rooms_in_one_breath_works(deps: Deps, client: Connect) -> None:
    for number in range(40):
        stored_instance(deps, f"i{number}")
    connection = client(token_for(deps, "t1"))
    answers: Queue[object] = Queue()
    for number in range(40):
        connection.io.emit("join-channel", f"i{number}", callback=answers.put)
    assert [answers.get(timeout=10) for _ in range(40)] == [{"ok": True}] * 40


def test_a_message_that_is_far_too_large_ends_its_sender_only(deps: Deps, joined: Client, client: Connect) -> None:
    other = client(token_for(deps, "t1"))
    other.io.emit("join-channel", "x" * (MAX_FRAME + 1000))
    other.disconnects.get(timeout=10)
    realtime.emit(deps, "t1", "i1", "whatsapp-connected", {})
    assert joined.next()[0] == "whatsapp-connected"


@pytest.mark.parametrize(("seconds_ahead", "stays"), [(300, True), (700, False)])
def test_a_client_is_disconnected_when_its_token_runs_out(
    deps: Deps, transport: str, seconds_ahead: int, stays: bool
) -> None:
    clock = Clock()
    timed = replace(deps, now=clock)
    with hosted(SocketServer(timed, recheck_seconds=0.02)) as url, closing(Client(transport)) as client:
        client.connect(url, auth={"token": token_for(timed, "t1", seconds=600)})
        clock.ahead = timedelta(seconds=seconds_ahead)
        if stays:
            with pytest.raises(Empty):
                client.disconnects.get(timeout=0.2)
        else:
            client.disconnects.get(timeout=10)


def test_a_client_whose_token_ran_out_comes_back_with_the_token_that_it_has_by_then(deps: Deps, transport: str) -> None:
    stored_instance(deps)
    clock, arrivals = Clock(), Queue[None]()
    timed = replace(deps, now=clock)
    tokens = [token_for(timed, "t1", seconds=600)]
    with (
        hosted(SocketServer(timed, recheck_seconds=0.02)) as url,
        closing(Client(transport, reconnection=True, reconnection_delay=0.05)) as client,
    ):
        client.io.on("connect", lambda: arrivals.put(None))
        client.connect(url, auth=lambda: {"token": tokens[-1]})
        arrivals.get(timeout=10)
        clock.ahead = timedelta(seconds=700)
        tokens.append(token_for(timed, "t1", seconds=600))
        arrivals.get(timeout=10)
        assert client.ask("join-channel", "i1") == {"ok": True}


def test_a_client_that_comes_back_with_the_same_token_is_refused_with_the_reason(deps: Deps, transport: str) -> None:
    clock = Clock()
    timed = replace(deps, now=clock)
    with (
        hosted(SocketServer(timed, recheck_seconds=0.02)) as url,
        closing(Client(transport, reconnection=True, reconnection_delay=0.05)) as client,
    ):
        client.connect(url, auth={"token": token_for(timed, "t1", seconds=600)})
        clock.ahead = timedelta(seconds=700)
        assert client.refusals.get(timeout=10)["message"].startswith("unauthorized: ")


def test_clients_come_back_by_themselves_after_the_server_went_away(deps: Deps, transport: str) -> None:
    arrivals: Queue[None] = Queue()
    stored_instance(deps)
    with closing(Client(transport, reconnection=True, reconnection_delay=0.05)) as client:
        client.io.on("connect", lambda: arrivals.put(None))
        with hosted(SocketServer(deps)) as url:
            client.connect(url, auth={"token": token_for(deps, "t1")})
            arrivals.get(timeout=10)
        with hosted(SocketServer(deps), port=int(url.rpartition(":")[2])):
            arrivals.get(timeout=10)
            assert client.ask("join-channel", "i1") == {"ok": True}


def test_the_socket_path_is_the_one_that_is_set(deps: Deps, transport: str) -> None:
    elsewhere = replace(deps, settings=deps.settings.model_copy(update={"socket_path": "/live/io"}))
    with hosted(SocketServer(elsewhere)) as url, closing(Client(transport)) as client:
        with pytest.raises(NotConnected):
            client.connect(url, auth={"token": token_for(deps, "t1")})
        client.connect(url, path="/live/io", auth={"token": token_for(deps, "t1")})
        assert client.io.connected


class Clock:
    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead
