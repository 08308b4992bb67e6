"""A WSGI application behind an ASGI server: a request is one job on a thread, with one hop there and one back."""

from __future__ import annotations

import asyncio
import io
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from infra.local.server.asgi import Receive, Scope, Send
from infra.local.server.request_bodies import Body, BodyMemoryExhausted, RequestBodies
from shared.http.errors import Failure
from shared.idle_threads import set_stand_in

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment

SEND_SECONDS = 60.0
"""How long a client may take to receive a chunk of a long response."""

CHUNK_BYTES = 256 * 1024
"""Bytes of a response that are collected before they are sent; nearly every response is one chunk."""


@dataclass(slots=True)
class _Response:
    status: int = 500
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    started: bool = False

    def start_response(
        self, status: str, headers: list[tuple[str, str]], exc_info: object = None
    ) -> Callable[[bytes], object]:
        self.status = int(status.split(" ", 1)[0])
        self.headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        return _refuse_write


class _Job:
    """A request that a thread answers, and the future that its coroutine waits for."""

    __slots__ = ("_loop", "_send", "done", "environ", "response")

    def __init__(self, environ: WSGIEnvironment, send: Send, loop: asyncio.AbstractEventLoop) -> None:
        self.environ = environ
        self.response = _Response()
        self.done: asyncio.Future[bytes] = loop.create_future()
        self._send = send
        self._loop = loop

    def send_chunk(self, chunk: bytes) -> None:
        sent = asyncio.run_coroutine_threadsafe(_send(self._send, self.response, chunk, more=True), self._loop)
        sent.result(SEND_SECONDS)

    def finish(self, settle: Callable[[Any], None], outcome: object) -> None:
        # The loop is closed when the hub has stopped before the request was answered.
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._settle, settle, outcome)

    def _settle(self, settle: Callable[[Any], None], outcome: object) -> None:
        if not self.done.done():
            settle(outcome)


class WSGIBridge:
    """An ASGI app that runs `app` on up to `threads` threads, without counting those that only wait (`idle_threads`).

    Of a body that is too long for `bodies` the app gets the length and no
    content, and refuses it as too large. With `max_waiting` requests in progress,
    or without memory for one more body, further ones get 503; this bounds the
    memory that a flood of requests can use.
    """

    def __init__(
        self, app: WSGIApplication, bodies: RequestBodies, *, threads: int = 32, max_waiting: int = 1024
    ) -> None:
        self._app = app
        self._bodies = bodies
        self._max_waiting = max_waiting
        self._in_progress = 0
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._threads = threads
        # Daemons, unlike an executor's threads: a view that hangs must not keep the process from exiting.
        for _ in range(threads):
            self._start_thread()

    def close(self) -> None:
        """Let the threads end; requests in progress are still answered."""
        for _ in range(self._threads):
            self._jobs.put(None)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1000})
        elif self._in_progress >= self._max_waiting:
            await _send_busy(send)
        else:
            self._in_progress += 1
            try:
                await self._respond(scope, receive, send)
            finally:
                self._in_progress -= 1

    async def _respond(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            async with self._bodies.read(scope, receive) as body:
                if body is None:
                    return
                job = _Job(_environ(scope, body), send, asyncio.get_running_loop())
                self._jobs.put(job)
                rest = await job.done
        except BodyMemoryExhausted:
            await _send_busy(send)
        else:
            await _send(send, job.response, rest, more=False)

    def _start_thread(self) -> None:
        threading.Thread(target=self._work, name="http", daemon=True).start()

    @contextmanager
    def _stand_in(self) -> Iterator[None]:
        """Let one more thread work until this one goes on; then whichever is free first ends."""
        self._start_thread()
        try:
            yield
        finally:
            self._jobs.put(None)

    def _work(self) -> None:
        set_stand_in(self._stand_in)
        while (job := self._jobs.get()) is not None:
            try:
                rest = self._run(job)
            except Exception as error:  # noqa: BLE001 - the server logs it and answers 500
                job.finish(job.done.set_exception, error)
            else:
                job.finish(job.done.set_result, rest)

    def _run(self, job: _Job) -> bytes:
        """Call the app, send full chunks, and return the rest."""
        parts = self._app(job.environ, job.response.start_response)
        try:
            collected = b""
            for part in parts:
                collected = collected + part if collected else part
                if len(collected) > CHUNK_BYTES:
                    job.send_chunk(collected)
                    collected = b""
            return collected
        finally:
            close = getattr(parts, "close", None)
            if close is not None:
                close()


def _environ(scope: Scope, body: Body) -> WSGIEnvironment:
    path, query = scope["path"], scope["query_string"].decode("latin-1")
    raw_path = (scope.get("raw_path") or path.encode()).decode("latin-1")
    host, port = scope.get("server") or ("localhost", 80)
    environ: WSGIEnvironment = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": path.encode("utf-8").decode("latin-1"),
        "QUERY_STRING": query,
        "REQUEST_URI": f"{raw_path}?{query}" if query else raw_path,
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "SERVER_NAME": host,
        "SERVER_PORT": str(port or 0),
        "REMOTE_ADDR": scope["client"][0] if scope.get("client") else "",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.get("scheme", "http"),
        "wsgi.input": io.BytesIO(body.content),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    _add_headers(environ, scope["headers"])
    environ["CONTENT_LENGTH"] = str(body.length)
    return environ


def _add_headers(environ: WSGIEnvironment, headers: list[tuple[bytes, bytes]]) -> None:
    for name, value in headers:
        # In WSGI `X_Real_IP` and `X-Real-IP` are one name, and proxies send only the latter. The body is complete
        # here: with `Transfer-Encoding` the app would read it as one without an end.
        if b"_" in name or name == b"transfer-encoding":
            continue
        key = name.decode("latin-1").upper().replace("-", "_")
        if key != "CONTENT_TYPE":
            key = f"HTTP_{key}"
        text = value.decode("latin-1")
        environ[key] = f"{environ[key]},{text}" if key in environ else text


async def _send(send: Send, response: _Response, body: bytes, more: bool) -> None:
    if not response.started:
        response.started = True
        await send({"type": "http.response.start", "status": response.status, "headers": response.headers})
    await send({"type": "http.response.body", "body": body, "more_body": more})


async def _send_busy(send: Send) -> None:
    response = _Response(503, [(b"content-type", b"application/json"), (b"retry-after", b"1")])
    body = Failure.of("the hub has too much to do, try again", "overloaded").to_json().encode()
    await _send(send, response, body, more=False)


def _refuse_write(data: bytes) -> object:
    raise NotImplementedError("this server has no write callable: return the body as an iterable")
