"""A gRPC server that passes every call on, notes its method, and can be told to refuse some."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

import grpc


@dataclass
class Proxy(grpc.GenericRpcHandler):  # type: ignore[misc]  # grpc has no types
    """`calls` are the methods called so far; `refusals` are the status codes for the next calls, one each.

    `refused_methods` are refused until they are taken out.
    """

    upstream: grpc.Channel
    address: str = ""
    calls: list[str] = field(default_factory=list)
    refusals: list[grpc.StatusCode] = field(default_factory=list)
    refused_methods: dict[str, grpc.StatusCode] = field(default_factory=dict)

    def service(self, call: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
        # A unary answer is a stream of one on the wire, so that one kind of handler serves both.
        def forward(request: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
            method = call.method.rsplit("/", 1)[1]
            self.calls.append(method)
            if method in self.refused_methods:
                context.abort(self.refused_methods[method], "refused by the test")
            if self.refusals:
                context.abort(self.refusals.pop(0), "refused by the test")
            try:
                yield from self.upstream.unary_stream(call.method)(
                    request, timeout=context.time_remaining(), metadata=call.invocation_metadata
                )
            except grpc.RpcError as error:
                context.abort(error.code(), error.details())

        return grpc.unary_stream_rpc_method_handler(forward)


@contextmanager
def proxy_to(address: str) -> Iterator[Proxy]:
    """A proxy in front of `address` (`host:port`), on a free port of this machine."""
    with grpc.insecure_channel(address) as upstream:
        proxy = Proxy(upstream)
        server = grpc.server(ThreadPoolExecutor(max_workers=4), handlers=[proxy])
        proxy.address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
        server.start()
        yield proxy
        server.stop(grace=None).wait()
