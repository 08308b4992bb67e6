"""Limits on the time and the bytes of a client's connection before it has authenticated."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator

import pytest
import websocket

from infra.local.server.liveness import answer_liveness
from infra.local.server.protocol import MAX_HEAD, GuardedHTTP
from infra.sockets.server import SocketServer
from infra.sockets.web import UNREAD_SECONDS, bound
from shared.config import Settings
from shared.deps import Deps
from tests.infra.bridging import Blocked, ask, bridged, connected, echo, raw, rest
from tests.infra.hosting import hosted

CHUNKED = b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
UPGRADE = b"Host: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
KEY = b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"


class Hurried(GuardedHTTP):
    seconds = {"head": 0.2, "body": 0.2, "handshake": 0.2}  # noqa: RUF012 - as the class that it narrows


@pytest.fixture
def address(deps: Deps) -> Iterator[str]:
    """The address of a server with short timeouts."""
    with bridged(deps, echo, http=Hurried) as address:
        yield address


@pytest.mark.parametrize(
    ("beginning", "piece"),
    [
        (b"GET / HTTP/1.1\r\nHost: h\r\nX-Long: ", b"x" * 65536),
        (CHUNKED + b"2\r\n{}\r\n0\r\n", b"".join(b"X-%d: %b\r\n" % (n, b"v" * 1000) for n in range(64))),
        (CHUNKED + b"2\r\n{}\r\n0\r\nX-Long: ", b"x" * 65536),
        (CHUNKED + b"2;", b"x" * 65536),
        (b"", b"\r\n" * 32768),
        (b"GET / HTTP/1.1\r\nHost: h\r\n\r\n", b"\r\n" * 32768),
    ],
    ids=["head", "trailers", "one trailer", "chunk extension", "blank lines", "blank lines after a request"],
)
def test_what_has_no_end_is_refused(deps: Deps, beginning: bytes, piece: bytes) -> None:
    with bridged(deps, echo) as address:
        with connected(address, beginning) as connection, pytest.raises(OSError, match=r"\[Errno"):
            connection.sendall(piece * 2000)
        assert ask(address)[0].status == 200


def test_a_head_that_is_too_large_gets_400(deps: Deps) -> None:
    head = b"GET / HTTP/1.1\r\nHost: h\r\nX-Long: " + b"x" * MAX_HEAD
    with bridged(deps, echo) as address, connected(address, head) as connection:
        connection.sendall(b"x" * 100)
        assert connection.recv(65536).startswith(b"HTTP/1.1 400 ")


def test_a_trailer_is_no_header(deps: Deps) -> None:
    with bridged(deps, echo) as address, connected(address, CHUNKED) as connection:
        connection.sendall(b"2\r\n{}\r\n0\r\nX-Forwarded-For: 10.0.0.1\r\n\r\n")
        seen = json.loads(connection.recv(65536).partition(b"\r\n\r\n")[2].split(b"\r\n")[1])
    assert seen["body"] == "{}"
    assert "HTTP_X_FORWARDED_FOR" not in seen["environ"]


@pytest.mark.parametrize("method", [b"GET", b"POST"])
@pytest.mark.parametrize("protocol", [b"websocket", b"any"])
@pytest.mark.parametrize("body", [b"Content-Length: 50", b"Transfer-Encoding: chunked"])
def test_an_upgrade_with_a_body_is_refused(deps: Deps, method: bytes, protocol: bytes, body: bytes) -> None:
    head = method + b" /x HTTP/1.1\r\n" + UPGRADE.replace(b"websocket", protocol) + KEY + body + b"\r\n\r\n"
    with bridged(deps, echo) as address:
        assert raw(address, head).startswith(b"HTTP/1.1 400 ")


def test_a_wish_for_http_2_is_read_over(deps: Deps) -> None:
    head = (
        b"POST / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMA\r\n"
    )
    body = b"Content-Length: 18\r\n\r\n\r\nUpgrade: h2c\r\n\r\n"
    with bridged(deps, echo) as address, connected(address, head + body) as connection:
        for _ in range(2):
            seen = connection.recv(65536).partition(b"\r\n\r\n")[2].split(b"\r\n")[1]
            assert json.loads(seen)["body"] == "\r\nUpgrade: h2c\r\n\r\n"
            connection.sendall(head + body)


@pytest.mark.parametrize("sent", [b"", b"\r\n", b"GET / HTTP/1.1\r\nHost:"])
def test_a_head_that_does_not_come_is_not_waited_for(address: str, sent: bytes) -> None:
    assert raw(address, sent) == b""


def test_blank_lines_do_not_keep_a_connection(address: str) -> None:
    with connected(address, b"GET / HTTP/1.1\r\nHost: h\r\n\r\n") as connection:
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")
        connection.sendall(b"\r\n")
        assert rest(connection) == b""


@pytest.mark.parametrize("body", [b"Content-Length: 10\r\n\r\nabc", b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n"])
def test_a_body_that_does_not_come_is_not_waited_for(address: str, body: bytes) -> None:
    assert raw(address, b"POST / HTTP/1.1\r\nHost: h\r\n" + body).startswith(b"HTTP/1.1 408 ")


def test_a_body_that_nobody_waits_for_is_not_received_for_ever(address: str) -> None:
    answered = raw(address, b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5000\r\n\r\nabc")
    assert answered.startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("body", [b"Content-Length: 3000\r\n\r\nabc", b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n"])
def test_the_same_holds_for_socket_io(address: str, body: bytes) -> None:
    _, opened = ask(address, path="/socket.io/?EIO=4&transport=polling")
    path = b"/socket.io/?EIO=4&transport=polling&sid=" + json.loads(opened[1:])["sid"].encode()
    assert raw(address, b"POST " + path + b" HTTP/1.1\r\nHost: h\r\n" + body).startswith(b"HTTP/1.1 408 ")


def test_a_websocket_that_is_never_open_is_closed(address: str) -> None:
    # A line that is too long for the websocket's own parser, which says nothing then.
    assert raw(address, b"GET /x HTTP/1.1\r\n" + UPGRADE + KEY + b"X-Long: " + b"x" * 9000 + b"\r\n\r\n") == b""


def test_an_open_websocket_stays(address: str) -> None:
    head = b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\n" + UPGRADE + KEY + b"\r\n"
    with connected(address, head) as connection:
        assert connection.recv(65536).startswith(b"HTTP/1.1 101 ")
        connection.settimeout(1)
        with pytest.raises(TimeoutError):
            rest(connection)


def test_who_goes_on_by_a_websocket_has_to_say_so_in_time(deps: Deps) -> None:
    with hosted(SocketServer(deps, handshake_seconds=0.2)) as url:
        address = url.removeprefix("http://")
        _, opened = ask(address, path="/socket.io/?EIO=4&transport=polling")
        path = b"/socket.io/?EIO=4&transport=websocket&sid=" + json.loads(opened[1:])["sid"].encode()
        with connected(address, b"GET " + path + b" HTTP/1.1\r\n" + UPGRADE + KEY + b"\r\n") as connection:
            assert rest(connection).startswith(b"HTTP/1.1 101 ")


def test_who_tried_a_websocket_has_to_go_over_to_it_in_time(deps: Deps) -> None:
    with hosted(SocketServer(deps, handshake_seconds=0.5)) as url:
        _, opened = ask(url.removeprefix("http://"), path="/socket.io/?EIO=4&transport=polling")
        sid = json.loads(opened[1:])["sid"]
        address = f"ws{url.removeprefix('http')}/socket.io/?EIO=4&transport=websocket&sid={sid}"
        connection = websocket.create_connection(address, timeout=10)
        connection.send("2probe")
        assert connection.recv() == "3probe"
        with pytest.raises(websocket.WebSocketConnectionClosedException):
            connection.recv()
        connection.close()


def test_answers_of_socket_io_are_not_guessed_at_and_not_kept(deps: Deps) -> None:
    with bridged(deps, echo) as address:
        for path in ("/socket.io/?EIO=4&transport=polling", "/socket.io/?EIO=3", "/socket.io"):
            headers = ask(address, path=path)[0].headers
            assert headers.get_all("x-content-type-options") == ["nosniff"]
            assert headers.get_all("cache-control") == ["no-store"]


def test_whether_the_process_lives_is_told_while_all_threads_wait(deps: Deps) -> None:
    app = Blocked()
    with bridged(deps, app, around=answer_liveness, threads=1, max_waiting=1) as address:
        waiting = threading.Thread(target=ask, args=(address,))
        waiting.start()
        assert app.entered.acquire(timeout=10)
        for method, body in (("GET", b'{"status":"healthy"}'), ("HEAD", b"")):
            response, response_body = ask(address, method, "/health/live")
            assert (response.status, response_body) == (200, body)
            assert response.headers["cache-control"] == "no-store"
        assert ask(address, path="/health/ready")[0].status == 503
        app.go.set()
        waiting.join(10)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_client_that_takes_nothing_is_given_up(host: str) -> None:
    with bound(Settings(host=host, port=0)) as listener:
        listener.listen()
        with socket.create_connection(listener.getsockname()[:2]), listener.accept()[0] as accepted:
            option = accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
    assert option == UNREAD_SECONDS * 1000


def test_what_is_no_http_gets_400(deps: Deps) -> None:
    with bridged(deps, echo) as address:
        assert raw(address, b"\x16\x03\x01 hello\r\n\r\n").startswith(b"HTTP/1.1 400 ")


def test_a_websocket_elsewhere_is_refused(deps: Deps) -> None:
    with bridged(deps, echo) as address:
        assert raw(address, b"GET /x HTTP/1.1\r\n" + UPGRADE + KEY + b"\r\n").startswith(b"HTTP/1.1 403 ")
