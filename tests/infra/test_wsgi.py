"""The HTTP side of the hub's server, with small applications in the place of the hub's own."""

from __future__ import annotations

import asyncio
import http.client
import json
import logging
import threading
from collections.abc import Iterable
from contextlib import closing
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import pytest

from infra.local.server.request_bodies import UNCOUNTED_BYTES, RequestBodies
from infra.local.server.wsgi import CHUNK_BYTES
from infra.sockets.server import SocketServer
from shared.deps import Deps
from shared.http.app import MAX_BODY, body_limit
from tests.apps import create_app
from tests.eventually import eventually
from tests.http.dialect import large
from tests.infra.bridging import Blocked, ask, bridged, connected, echo
from tests.infra.hosting import StartResponse, hosted


def long_answer(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", [("content-type", "application/octet-stream")])
    return (bytes([65 + number % 26]) * 50_000 for number in range(40))


def broken(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
    if environ["PATH_INFO"] == "/broken":
        raise RuntimeError("a bug")
    return echo(environ, start_response)


def test_the_server_writes_no_lines_of_its_own_about_what_goes_well(
    deps: Deps, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO), bridged(deps, echo) as address:
        ask(address, "GET", "/a", b"", {})
    assert [each.getMessage() for each in caplog.records if each.name.startswith("uvicorn")] == []


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
    assert "HTTP_TRANSFER_ENCODING" not in seen["environ"]


@pytest.mark.parametrize("chunked", [False, True])
def test_of_a_body_that_is_too_long_the_app_sees_only_that(deps: Deps, chunked: bool) -> None:
    body = iter([b"x" * 700] * 3) if chunked else b"x" * 2100
    with bridged(deps, echo) as address:
        _, answer = ask(address, "POST", "/", body, {"Transfer-Encoding": "chunked"} if chunked else {})
    seen = json.loads(answer)
    assert seen["body"] == ""
    assert int(seen["environ"]["CONTENT_LENGTH"]) > 1000


def test_a_body_that_says_it_is_too_long_is_not_waited_for(deps: Deps) -> None:
    with bridged(deps, echo) as address, connected(address) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 33000000\r\n\r\n" + b"x" * 10)
        assert b'"CONTENT_LENGTH": "33000000"' in connection.recv(65536)


def test_the_application_says_where_bodies_may_be_long(deps: Deps) -> None:
    app = create_app(deps, [large(3 * MAX_BODY)])
    assert body_limit(app, "POST", "/large") == 3 * MAX_BODY
    assert {body_limit(app, *at) for at in (("GET", "/large"), ("POST", "/large/x"), ("POST", "/"))} == {MAX_BODY}
    json_of = {"Content-Type": "application/json"}
    with bridged(deps, app, RequestBodies(MAX_BODY, partial(body_limit, app))) as address:
        for length, status in ((2 * MAX_BODY, 200), (4 * MAX_BODY, 413)):
            body = json.dumps({"name": "Bello"}).encode().rjust(length)
            assert ask(address, "POST", "/large", body, json_of)[0].status == status
            chunks = (body[start : start + 50_000] for start in range(0, length, 50_000))
            headers = json_of | {"Transfer-Encoding": "chunked"}
            assert ask(address, "POST", "/large", chunks, headers)[0].status == status
        assert ask(address, "POST", "/elsewhere", body, json_of)[0].status in (404, 413)


def test_all_bodies_under_way_share_a_room_that_small_ones_do_not_need(deps: Deps) -> None:
    length = UNCOUNTED_BYTES + 600
    head = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % length
    with bridged(deps, echo, RequestBodies(2 * length, total=1000)) as address:
        with connected(address, head + b"x" * (length - 1)) as first:
            eventually(lambda: ask(address, "POST", "/", b"y" * length)[0].status == 503)
            refused, _ = ask(address, "POST", "/", b"y" * length)
            assert (refused.status, refused.headers["retry-after"]) == (503, "1")
            assert ask(address, "POST", "/", b"y" * 1000)[0].status == 200
            first.sendall(b"x")
            assert first.recv(65536).startswith(b"HTTP/1.1 200 ")
        assert ask(address, "POST", "/", b"y" * length)[0].status == 200


def test_the_room_of_a_client_that_goes_away_is_free_again(deps: Deps) -> None:
    length = UNCOUNTED_BYTES + 600
    head = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % length
    with bridged(deps, echo, RequestBodies(2 * length, total=1000)) as address:
        connected(address, head + b"x" * (length - 1)).close()
        eventually(lambda: ask(address, "POST", "/", b"y" * length)[0].status == 200)


def test_a_header_cannot_pose_as_another_by_underscores(deps: Deps) -> None:
    with bridged(deps, echo) as address:
        _, body = ask(address, headers={"X-Forwarded-Host": "honest", "X_Forwarded_Host": "evil"})
    assert json.loads(body)["environ"]["HTTP_X_FORWARDED_HOST"] == "honest"


def test_a_long_answer_is_sent_piece_by_piece_and_whole(deps: Deps) -> None:
    with bridged(deps, long_answer) as address:
        response, body = ask(address)
    assert response.headers["transfer-encoding"] == "chunked"
    assert len(body) == 40 * 50_000 > CHUNK_BYTES
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


class _Visited(SocketServer):
    """Connect to `address` while its connections are being closed."""

    address = ("", 0)
    let_in: bool | None = None

    async def close(self) -> None:
        try:
            _, writer = await asyncio.open_connection(*self.address)
        except ConnectionRefusedError:
            self.let_in = False
        else:
            self.let_in = True
            writer.close()
        await super().close()


def test_nobody_is_let_in_any_more_when_the_server_stops(deps: Deps) -> None:
    sockets = _Visited(deps)
    with hosted(sockets) as url:
        sockets.address = (str(urlsplit(url).hostname), int(urlsplit(url).port or 0))
    assert sockets.let_in is False


def test_further_requests_of_a_connection_are_served(deps: Deps) -> None:
    with bridged(deps, echo) as address, closing(http.client.HTTPConnection(address, timeout=15)) as connection:
        for number in range(3):
            connection.request("POST", f"/{number}", b"x" * number)
            assert json.loads(connection.getresponse().read())["environ"]["PATH_INFO"] == f"/{number}"
