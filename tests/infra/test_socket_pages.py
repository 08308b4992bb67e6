"""Browsers without the client library: origins, and connections that never authenticate."""

from __future__ import annotations

import http.client
import json
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest

from infra.sockets.engine import MAX_FRAME
from infra.sockets.server import SocketServer
from shared.deps import Deps
from tests.infra.hosting import hosted


class Answer:
    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.allowed_origin = response.headers["access-control-allow-origin"]
        self.body = response.read()


class Page:
    """A web page that uses plain HTTP."""

    def __init__(self, url: str, origin: str | None = None) -> None:
        self._address = url.removeprefix("http://")
        self._headers = {"Origin": origin} if origin else {}

    def get(self, more: str) -> Answer:
        return self._ask("GET", more, None)

    def post(self, more: str, content: bytes) -> Answer:
        return self._ask("POST", more, content)

    def _ask(self, method: str, more: str, content: bytes | None) -> Answer:
        with closing(http.client.HTTPConnection(self._address, timeout=20)) as connection:
            connection.request(method, f"/socket.io/?EIO=4&transport=polling{more}", content, self._headers)
            return Answer(connection.getresponse())


@pytest.mark.parametrize(
    ("changes", "origin", "status"),
    [
        ({}, "http://localhost:5173", 200),
        ({}, "https://evil.example", 400),
        ({}, "http://localhost.evil.example", 400),
        ({"cors_origin": ("https://inbox.example", "https://b.example")}, "https://b.example", 200),
        ({"cors_origin": ("https://inbox.example",)}, "http://localhost:5173", 400),
        ({"environment": "production"}, "http://localhost:5173", 400),
        ({"environment": "production", "cors_origin": ("https://inbox.example",)}, "https://inbox.example", 200),
    ],
)
def test_pages_may_connect_by_the_same_rule_as_over_http(
    deps: Deps, changes: dict[str, Any], origin: str, status: int
) -> None:
    configured = replace(deps, settings=deps.settings.model_copy(update=changes))
    with hosted(SocketServer(configured)) as url:
        answer = Page(url, origin).get("")
        assert answer.status == status
        assert answer.allowed_origin == (origin if status == 200 else None)


def test_a_client_that_never_authenticates_is_disconnected(deps: Deps, caplog: pytest.LogCaptureFixture) -> None:
    with hosted(SocketServer(deps, recheck_seconds=0.02, handshake_seconds=0.1)) as url:
        page = Page(url)
        sid = json.loads(page.get("").body[1:])["sid"]
        assert page.get(f"&sid={sid}").body == b"1"  # engine.io's packet `close`
        assert page.get(f"&sid={sid}").status == 400
        assert page.post(f"&sid={sid}", b"2").status == 400
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize("content", [b"x" * (MAX_FRAME + 1), b"9", b"4nonsense", b"\xff", b"1", b"40{}", b"42[]"])
def test_nonsense_ends_its_own_connection_at_most(deps: Deps, content: bytes) -> None:
    with hosted(SocketServer(deps)) as url:
        page = Page(url)
        sid = json.loads(page.get("").body[1:])["sid"]
        assert page.post(f"&sid={sid}", content).status in {200, 400}
        assert page.get("").status == 200
