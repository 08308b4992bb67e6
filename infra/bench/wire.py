"""HTTP/1.1 in as few steps as possible, so that the benchmark leaves the machine to what is measured."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import cast


class Heads(asyncio.Protocol, ABC):
    """Cuts the byte stream into messages with a `Content-Length`; `received` gets first line and body of each."""

    transport: asyncio.Transport

    def __init__(self) -> None:
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        for first_line, body in self._messages():
            self.received(first_line, body)

    @abstractmethod
    def received(self, first_line: bytes, body: bytes) -> None: ...

    def _messages(self) -> Iterator[tuple[bytes, bytes]]:
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = self._buffer[:end]
            length = _length(head)
            if len(self._buffer) < end + 4 + length:
                return
            body = self._buffer[end + 4 : end + 4 + length]
            self._buffer = self._buffer[end + 4 + length :]
            yield head.split(b"\r\n", 1)[0], body


def _length(head: bytes) -> int:
    lowered = head.lower()
    at = lowered.find(b"\r\ncontent-length:")
    if at < 0:
        return 0
    return int(lowered[at + 17 :].split(b"\r\n", 1)[0])
