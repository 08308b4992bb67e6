"""The load balancer in front of the split functions: a path goes to the deployable that the table names."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager

import requests

from infra.deployables import Table
from tests.stubs import BufferedHandler, served

_DROPPED = {"connection", "keep-alive", "transfer-encoding", "content-length", "content-encoding", "server", "date"}


def _handler(table: Table, backends: Mapping[str, str]) -> type[BufferedHandler]:
    class Handler(BufferedHandler):
        def _pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", "0")))
            name = table.backend(self.path.partition("?")[0])
            if name is None or name not in backends:
                self._answer(404, {}, b"")
                return
            sent = {key: value for key, value in self.headers.items() if key.lower() not in _DROPPED}
            try:
                answer = requests.request(
                    self.command, backends[name] + self.path, data=body, headers=sent, timeout=60, allow_redirects=False
                )
            except requests.RequestException:
                self._answer(502, {}, b"")
                return
            answer_headers = {key: value for key, value in answer.headers.items() if key.lower() not in _DROPPED}
            self._answer(answer.status_code, answer_headers, answer.content)

        def _answer(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
            self.send_response(status)
            for key, value in headers.items():
                self.send_header(key, value)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = _pass_on

    return Handler


def front(table: Table, backends: Mapping[str, str]) -> AbstractContextManager[str]:
    """Serve on a free port; `backends` are the addresses of the running deployables. Yields its own address."""
    return served(_handler(table, backends))
