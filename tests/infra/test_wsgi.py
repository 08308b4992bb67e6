"""The HTTP side of the hub's server, with small applications in the place of the hub's own."""

from __future__ import annotations

import http.client
import json
import socket
import threading
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest

from infra.local.protocol import MAX_HEAD
from infra.local.wsgi import PIECE, WSGIBridge
from infra.sockets.server import SocketServer
from shared.deps import Deps
from tests.infra.hosting import StartResponse, hosted


def echo(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
    """Tells what it was asked."""
    body = environ["wsgi.input"].read()
    seen = {name: value for name, value in environ.items() if isinstance(value, str)}
    start_response("200 OK", [("Content-Type", "application/json"), ("X-Twice", "1"), ("X-Twice", "2")])
    return [json.dumps({"environ": seen, "body": body.decode("latin-1")}).encode()]


def long_answer(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", [("content-type", "application/octet-stream")])
    return (bytes([65 + number % 26]) * 50_000 for number in range(40))


def broken(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
    if environ["PATH_INFO"] == "/broken":
        raise RuntimeError("a bug")
    return echo(environ, start_response)


class Blocked:
    """Answers when it is let go."""

    def __init__(self) -> None:
        self.entered = threading.Semaphore(0)
        self.go = threading.Event()

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        self.entered.release()
        self.go.wait(10)
        return echo(environ, start_response)


@contextmanager
def bridged(deps: Deps, app: Any, **options: Any) -> Iterator[str]:
    """The host and port of a server that runs `app`."""
    bridge = WSGIBridge(app, **{"max_body": 1000, "threads": 2} | options)
    with hosted(SocketServer(deps), bridge) as url:
        yield url.removeprefix("http://")


def ask(
    address: str, method: str = "GET", path: str = "/", body: Any = None, headers: dict[str, str] | None = None
) -> tuple[http.client.HTTPResponse, bytes]:
    with closing(http.client.HTTPConnection(address, timeout=15)) as connection:
        connection.request(method, path, body, headers or {}, encode_chunked=not isinstance(body, (bytes, type(None))))
        response = connection.getresponse()
        return response, response.read()


def raw(address: str, sent: bytes) -> bytes:
    """All that the server answers before it closes the connection."""
    host, port = address.split(":")
    with socket.create_connection((host, int(port)), timeout=15) as connection:
        connection.sendall(sent)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def test_the_app_sees_the_request_and_the_client_its_answer(deps: Deps) -> None:
    with bridged(deps, echo) as address:
        response, body = ask(
            address, "POST", "/a%20b/%C3%BC?x=1&y=%2F", b"hello", {"X-Thing": "v", "Content-Type": "t/x"}
        )
    assert response.status == 200
    assert response.headers.get_all("x-twice") == ["1", "2"]
    assert "server" not in response.headers
    seen = json.loads(body)
    assert seen["body"] == "hello"
    expected = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/a b/ü".encode().decode("latin-1"),
        "QUERY_STRING": "x=1&y=%2F",
        "REQUEST_URI": "/a%20b/%C3%BC?x=1&y=%2F",
        "CONTENT_TYPE": "t/x",
        "CONTENT_LENGTH": "5",
        "HTTP_X_THING": "v",
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.url_scheme": "http",
    }
    assert expected.items() <= seen["environ"].items()


def test_a_body_in_chunks_is_whole(deps: Deps) -> None:
    with bridged(deps, echo) as address:
        _, body = ask(address, "POST", "/", iter([b"one", b"two"]), {"Transfer-Encoding": "chunked"})
    seen = json.loads(body)
    assert seen["body"] == "onetwo"
    assert seen["environ"]["CONTENT_LENGTH"] == "6"


@pytest.mark.parametrize("chunked", [False, True])
def test_of_a_body_that_is_too_long_the_app_sees_only_that(deps: Deps, chunked: bool) -> None:
    body = iter([b"x" * 700] * 3) if chunked else b"x" * 2100
    with bridged(deps, echo) as address:
        _, answer = ask(address, "POST", "/", body, {"Transfer-Encoding": "chunked"} if chunked else {})
    seen = json.loads(answer)
    assert seen["body"] == ""
    assert int(seen["environ"]["CONTENT_LENGTH"]) > 1000


def test_a_body_that_does_not_come_is_not_waited_for(deps: Deps) -> None:
    with bridged(deps, echo, body_seconds=0.05) as address:
        answer = raw(address, b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc")
    assert answer.startswith(b"HTTP/1.1 408 ")


def test_a_header_cannot_pose_as_another_by_underscores(deps: Deps) -> None:
    with bridged(deps, echo) as address:
        _, body = ask(address, headers={"X-Forwarded-Host": "honest", "X_Forwarded_Host": "evil"})
    assert json.loads(body)["environ"]["HTTP_X_FORWARDED_HOST"] == "honest"


def test_a_long_answer_is_sent_piece_by_piece_and_whole(deps: Deps) -> None:
    with bridged(deps, long_answer) as address:
        response, body = ask(address)
    assert response.headers["transfer-encoding"] == "chunked"
    assert len(body) == 40 * 50_000 > PIECE
    assert body == b"".join(bytes([65 + number % 26]) * 50_000 for number in range(40))


def test_a_bug_in_the_app_answers_500_and_ends_nothing(deps: Deps, caplog: pytest.LogCaptureFixture) -> None:
    with bridged(deps, broken) as address:
        assert ask(address, path="/broken")[0].status == 500
        assert ask(address)[0].status == 200
    assert "Exception in ASGI application" in caplog.text


def test_above_its_limit_the_server_says_so_at_once(deps: Deps) -> None:
    app = Blocked()
    with bridged(deps, app, max_waiting=1) as address:
        first = threading.Thread(target=ask, args=(address,))
        first.start()
        assert app.entered.acquire(timeout=10)
        response, body = ask(address)
        app.go.set()
        first.join(10)
        assert ask(address)[0].status == 200
    assert (response.status, response.headers["retry-after"]) == (503, "1")
    assert json.loads(body)["detail"]


def test_running_requests_are_finished_when_the_server_stops(deps: Deps) -> None:
    app = Blocked()
    answers: list[int] = []
    with bridged(deps, app) as address:
        asking = threading.Thread(target=lambda: answers.append(ask(address)[0].status))
        asking.start()
        assert app.entered.acquire(timeout=10)
        threading.Timer(0.3, app.go.set).start()
    asking.join(10)
    assert answers == [200]


def test_a_head_without_an_end_is_refused(deps: Deps) -> None:
    with bridged(deps, echo) as address:
        head = b"GET / HTTP/1.1\r\nHost: h\r\nX-Long: "
        host, port = address.split(":")
        with socket.create_connection((host, int(port)), timeout=15) as connection:
            connection.sendall(head + b"x" * MAX_HEAD)
            connection.sendall(b"x" * 100)
            assert connection.recv(65536).startswith(b"HTTP/1.1 400 ")
        assert ask(address)[0].status == 200


def test_further_requests_of_a_connection_are_served(deps: Deps) -> None:
    with bridged(deps, echo) as address, closing(http.client.HTTPConnection(address, timeout=15)) as connection:
        for number in range(3):
            connection.request("POST", f"/{number}", b"x" * number)
            assert json.loads(connection.getresponse().read())["environ"]["PATH_INFO"] == f"/{number}"


def test_what_is_no_http_gets_400(deps: Deps) -> None:
    with bridged(deps, echo) as address:
        assert raw(address, b"\x16\x03\x01 hello\r\n\r\n").startswith(b"HTTP/1.1 400 ")


def test_a_websocket_elsewhere_is_refused(deps: Deps) -> None:
    upgrade = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    }
    with bridged(deps, echo) as address:
        assert ask(address, path="/elsewhere", headers=upgrade)[0].status == 403
