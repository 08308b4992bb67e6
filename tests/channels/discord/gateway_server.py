"""A real websocket server that plays Discord's gateway: it keeps sessions, replays what was missed, and records."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve

from tests.eventually import eventually

BOT = "775799577604522999"


class Gateway:
    """`interval` is that of heartbeats, in milliseconds; `refusals` are the codes that close the next connections."""

    def __init__(self) -> None:
        self.url = ""
        self.interval = 60_000
        self.answers = True
        self.refusals: list[int] = []
        self.frames: list[dict[str, Any]] = []
        self.paths: list[str] = []
        self.closed_with: list[int | None] = []
        self.missed: list[dict[str, Any]] = []
        self._sessions: set[str] = set()
        self._numbers = count(1)
        self._seq = count(1)
        self._live: ServerConnection | None = None
        self._introduced = 0
        self._lock = threading.Lock()

    def sent(self, op: int) -> list[Any]:
        """The data of all frames with this opcode that bots sent so far."""
        return [frame["d"] for frame in list(self.frames) if frame["op"] == op]

    def introduced(self, times: int) -> None:
        """Wait until that many connections have been identified or resumed."""
        eventually(lambda: self._introduced >= times)

    def dispatch(self, name: str, data: dict[str, Any], *, lost: bool = False) -> None:
        """Send the bot an event; a `lost` one is only sent when the session is resumed."""
        with self._lock:
            frame = {"op": 0, "t": name, "s": next(self._seq), "d": data}
            self.missed.append(frame)
            if not lost:
                self.say(frame)

    def say(self, frame: object) -> None:
        assert self._live is not None
        self._live.send(frame if isinstance(frame, str) else json.dumps(frame))

    def hang_up(self, code: int = 4000) -> None:
        assert self._live is not None
        live, self._live = self._live, None
        live.close(code)

    def forget_sessions(self) -> None:
        self._sessions.clear()

    def serve(self, connection: ServerConnection) -> None:
        self.paths.append(connection.request.path if connection.request else "")
        connection.send(json.dumps({"op": 10, "d": {"heartbeat_interval": self.interval}}))
        try:
            for raw in connection:
                frame = json.loads(raw)
                self.frames.append(frame)
                self._answer(connection, frame)
        except ConnectionClosed:
            pass
        finally:
            self.closed_with.append(connection.close_code)

    def _answer(self, connection: ServerConnection, frame: dict[str, Any]) -> None:
        if frame["op"] == 1 and self.answers:
            connection.send(json.dumps({"op": 11}))
        elif frame["op"] in (2, 6) and self.refusals:
            connection.close(self.refusals.pop(0))
        elif frame["op"] == 2:
            self._begin(connection)
        elif frame["op"] == 6:
            self._resume(connection, frame["d"])

    def _begin(self, connection: ServerConnection) -> None:
        with self._lock:
            session = f"session-{next(self._numbers)}"
            self._sessions.add(session)
            ready = {"v": 10, "session_id": session, "resume_gateway_url": f"{self.url}/resume", "user": {"id": BOT}}
            self._seq = count(1)
            self.missed.clear()
            self._live = connection
            connection.send(json.dumps({"op": 0, "t": "READY", "s": next(self._seq), "d": ready}))
            self._introduced += 1

    def _resume(self, connection: ServerConnection, data: dict[str, Any]) -> None:
        with self._lock:
            if data["session_id"] not in self._sessions:
                connection.send(json.dumps({"op": 9, "d": False}))
                return
            for frame in self.missed:
                if frame["s"] > data["seq"]:
                    connection.send(json.dumps(frame))
            self._live = connection
            connection.send(json.dumps({"op": 0, "t": "RESUMED", "s": next(self._seq), "d": {}}))
            self._introduced += 1


@contextmanager
def gateway_server() -> Iterator[Gateway]:
    """Serve on 127.0.0.1 on a free port."""
    gateway = Gateway()
    with serve(gateway.serve, "127.0.0.1", 0) as server:
        gateway.url = f"ws://127.0.0.1:{server.socket.getsockname()[1]}"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield gateway
        finally:
            server.shutdown()
            thread.join(5)
