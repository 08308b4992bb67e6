"""Webhooks over connections that are kept open, as a process of its own.

    python -m infra.bench.load <<< '{"port": 8000, "path": "/", "connections": 16, "seconds": 3}'

Prints a `Result` as JSON. Every request is a Telegram update of a chat of its own.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, field

import uvloop

from infra.bench.processes import ROOT
from infra.bench.updates import update
from infra.bench.wire import Heads


@dataclass(frozen=True, slots=True)
class Load:
    """What to send: for `seconds`, or `requests` many; at most `rate` a second unless that is 0.

    Chats and texts are numbered from `first` on.
    """

    port: int
    path: str
    connections: int = 16
    seconds: float = 0.0
    requests: int = 0
    rate: float = 0.0
    first: int = 1


@dataclass(slots=True)
class Result:
    """When the first request went out and the last answer came, and when each text was accepted (2xx)."""

    started: float = 0.0
    ended: float = 0.0
    accepted: dict[str, float] = field(default_factory=dict)
    refused: int = 0

    @property
    def per_second(self) -> float:
        return len(self.accepted) / (self.ended - self.started)


class _Run:
    def __init__(self, load: Load) -> None:
        self.load = load
        self.result = Result()
        self.sent = 0
        self.open = 0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def next_number(self) -> int | None:
        """The next update's number; None when it is enough."""
        if self.load.requests and self.sent >= self.load.requests:
            return None
        if self.load.seconds and time.monotonic() >= self.result.started + self.load.seconds:
            return None
        self.sent += 1
        return self.load.first + self.sent - 1

    def due_in(self) -> float:
        """Seconds until the next one may go out."""
        if not self.load.rate:
            return 0.0
        return self.result.started + self.sent / self.load.rate - time.monotonic()


class _Client(Heads):
    def __init__(self, run: _Run) -> None:
        super().__init__()
        self._run = run
        self._text = ""
        self._finished = False

    def send(self) -> None:
        number = self._run.next_number()
        if number is None:
            self._leave()
            return
        self._text = f"m{number}"
        if (pause := self._run.due_in()) > 0:
            asyncio.get_running_loop().call_later(pause, self._write, number)
        else:
            self._write(number)

    def _write(self, number: int) -> None:
        body = json.dumps(update(number, number))
        head = (
            f"POST {self._run.load.path} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        self.transport.write((head + body).encode())

    def received(self, first_line: bytes, body: bytes) -> None:
        now = time.monotonic()
        self._run.result.ended = now
        if first_line[9:10] == b"2":
            self._run.result.accepted[self._text] = now
        else:
            self._run.result.refused += 1
        self.send()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._finished:
            self._run.result.refused += 1
            self._leave()

    def _leave(self) -> None:
        self._finished = True
        run = self._run
        run.open -= 1
        if run.open <= 0 and not run.done.done():
            run.done.set_result(None)


async def _carry_out(load: Load) -> Result:
    run = _Run(load)
    loop = asyncio.get_running_loop()
    connections = [
        await loop.create_connection(lambda: _Client(run), "127.0.0.1", load.port) for _ in range(load.connections)
    ]
    run.open = len(connections)
    run.result.started = time.monotonic()
    for _, client in connections:
        client.send()
    await run.done
    return run.result


def apply(load: Load) -> Result:
    """Put a load on from another process, and wait for the result."""
    command = [sys.executable, "-m", "infra.bench.load"]
    done = subprocess.run(
        command,
        env={"PYTHONPATH": str(ROOT)},
        input=json.dumps(asdict(load)),
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    return Result(**json.loads(done.stdout))


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        result = runner.run(_carry_out(Load(**json.loads(sys.stdin.read()))))
    sys.stdout.write(json.dumps(asdict(result)))
