"""A real HTTP server that plays a provider: it records the requests and responds by the test's rules."""

from __future__ import annotations

import json
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Received:
    """A request as it arrived; header names are lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body) if self.body else None


@dataclass(frozen=True)
class Reply:
    """What to answer. `drop` closes the connection after the request was read; `delay` is in seconds.

    `chunks` are sent one after the other, with `pause` seconds after each, and are the whole body; with `drop` the
    connection closes after them as if more were to come.
    """

    status: int = 200
    json: Any = None
    text: str | None = None
    content: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    drop: bool = False
    delay: float = 0.0
    chunks: Sequence[bytes] = ()
    pause: float = 0.0


Answer = Reply | Callable[[Received], Reply]


class Stub:
    """Rules are tried newest first; a rule may be limited to the next `times` requests."""

    def __init__(self) -> None:
        self.requests: list[Received] = []
        self.url = ""
        self._rules: list[tuple[str, re.Pattern[str], Answer, list[int]]] = []
        self._lock = threading.Lock()
        self._arrived = threading.Condition(self._lock)

    def reset(self) -> None:
        """Forget all rules and requests."""
        with self._lock:
            self._rules.clear()
            self.requests.clear()

    def on(self, method: str, path: str, answer: Answer, times: int = 1_000_000) -> None:
        """Answer requests whose path matches the regular expression."""
        with self._lock:
            self._rules.insert(0, (method, re.compile(path), answer, [times]))

    def to(self, path: str) -> list[Received]:
        """The requests so far whose path matches."""
        with self._lock:
            return [r for r in self.requests if re.search(path, r.path)]

    def wait_for(self, path: str, count: int = 1, timeout: float = 15.0) -> list[Received]:
        """Wait until that many matching requests came."""
        deadline = time.monotonic() + timeout
        with self._arrived:
            while True:
                matching = [r for r in self.requests if re.search(path, r.path)]
                if len(matching) >= count:
                    return matching
                left = deadline - time.monotonic()
                if left <= 0:
                    raise AssertionError(f"{len(matching)} of {count} requests to {path} came: {self.requests}")
                self._arrived.wait(left)

    def take(self, received: Received) -> Reply:
        with self._arrived:
            self.requests.append(received)
            self._arrived.notify_all()
            answer: Answer = Reply(404, {"error": f"the stub has no rule for {received.method} {received.path}"})
            for method, pattern, ruled, left in self._rules:
                if method == received.method and left[0] > 0 and pattern.search(received.path):
                    left[0] -= 1
                    answer = ruled
                    break
        return answer(received) if callable(answer) else answer


class BufferedHandler(BaseHTTPRequestHandler):
    """Writes head and body at once: a body that follows its head waits 40 ms for the client's acknowledgement."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def handle_expect_100(self) -> bool:
        """A client that asks whether to send its body waits a second for this."""
        proceed = super().handle_expect_100()
        self.wfile.flush()
        return proceed

    def log_message(self, format: str, *args: object) -> None:
        pass


def _handler(stub: Stub) -> type[BaseHTTPRequestHandler]:
    class Handler(BufferedHandler):
        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", "0")))
            headers = {name.lower(): value for name, value in self.headers.items()}
            reply = stub.take(Received(self.command, self.path, headers, body))
            if reply.delay:
                time.sleep(reply.delay)
            if reply.drop and not reply.chunks:
                self.close_connection = True
                return
            if reply.chunks:
                self._stream(reply)
                return
            payload = (reply.text or "").encode() if reply.json is None else json.dumps(reply.json).encode()
            payload = payload if reply.content is None else reply.content
            self.send_response(reply.status)
            if "content-type" not in {name.lower() for name in reply.headers}:
                self.send_header("content-type", "application/json")
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(payload)))
            self.end_headers()
            self.wfile.write(payload)

        def _stream(self, reply: Reply) -> None:
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("transfer-encoding", "chunked")
            self.end_headers()
            for chunk in (*reply.chunks, *([] if reply.drop else [b""])):
                self.wfile.write(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n")
                self.wfile.flush()
                time.sleep(reply.pause if chunk else 0)
            self.close_connection = reply.drop

        do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = _serve

    return Handler


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is the test's own doing."""


@contextmanager
def served(handler: type[BaseHTTPRequestHandler], port: int = 0) -> Iterator[str]:
    """Serve on 127.0.0.1, on a free port unless one is given; gives the address without a trailing slash."""
    server = _Server(("127.0.0.1", port), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        with suppress(OSError):  # wakes the server on Linux, so that it need not reach its next poll
            server.socket.shutdown(socket.SHUT_RDWR)
        server.shutdown()
        server.server_close()
        thread.join(5)


@contextmanager
def stub_server(port: int = 0, prepare: Callable[[Stub], object] = lambda stub: None) -> Iterator[Stub]:
    """A provider; `stub.url` has no trailing slash.

    `prepare` gives the stub its rules before the first request is answered.
    """
    stub = Stub()
    prepare(stub)
    with served(_handler(stub), port) as stub.url:
        yield stub
