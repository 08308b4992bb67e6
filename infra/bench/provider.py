"""A Telegram that takes everything at once, as a process: it notes when it was sent what.

    python -m infra.bench.provider

Prints `port N`; answers `GET /seen` with `{text: [time, ...]}` (the machine's monotonic clock) and `GET /count` with
how many texts that are.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from itertools import count

import uvloop

from infra.bench.wire import Heads

_SEEN: dict[str, list[float]] = {}
_NUMBERS = count(10_000_000)


class _Provider(Heads):
    def received(self, first_line: bytes, body: bytes) -> None:
        if first_line.startswith(b"GET /seen"):
            payload = json.dumps(_SEEN)
        elif first_line.startswith(b"GET /count"):
            payload = json.dumps(len(_SEEN))
        elif b"/sendMessage" in first_line:
            payload = _sent(json.loads(body))
        else:
            payload = '{"ok":true,"result":{"id":7,"is_bot":true,"first_name":"Bot","username":"bot"}}'
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(payload)}\r\n\r\n"
        self.transport.write((head + payload).encode())


def _sent(request: dict[str, str]) -> str:
    _SEEN.setdefault(request["text"].removeprefix("Echo: "), []).append(time.monotonic())
    chat = f'{{"id":{request["chat_id"]},"type":"private"}}'
    return f'{{"ok":true,"result":{{"message_id":{next(_NUMBERS)},"date":1,"chat":{chat}}}}}'


async def _serve() -> None:
    server = await asyncio.get_running_loop().create_server(_Provider, "127.0.0.1", 0)
    sys.stdout.write(f"port {server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve())
