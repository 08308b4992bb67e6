"""A gRPC server that passes every call on, notes its method, and can be told to refuse some."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import grpc

from infra.bench.forwarding import Call, forwarding


@dataclass
class Proxy:
    """`calls` are the methods called so far; `refusals` are the status codes for the next calls, one each.

    `refused_methods` are refused until they are taken out.
    """

    address: str = ""
    calls: list[str] = field(default_factory=list)
    refusals: list[grpc.StatusCode] = field(default_factory=list)
    refused_methods: dict[str, grpc.StatusCode] = field(default_factory=dict)

    def watch(self, call: Call) -> grpc.StatusCode | None:
        self.calls.append(call.method)
        if call.method in self.refused_methods:
            return self.refused_methods[call.method]
        return self.refusals.pop(0) if self.refusals else None


@contextmanager
def proxy_to(address: str) -> Iterator[Proxy]:
    """A proxy in front of `address` (`host:port`), on a free port of this machine."""
    proxy = Proxy()
    with forwarding(address, proxy.watch) as proxy.address:
        yield proxy
